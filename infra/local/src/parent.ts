/** The end of the script that handed over to this process, seen as the end of its pipe (`RUN_PIPE`). */
import { Socket } from 'node:net';

export function onParentEnd(act: () => void): void {
  const fd = Number(process.env['RUN_PIPE']);
  if (!Number.isInteger(fd) || fd < 3) return;
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.on('error', act);
  pipe.on('close', act);
  pipe.resume();
  pipe.unref();
}

/**
 * No process outlives the one that started it. A small shell reads from a pipe which processes live; when the
 * pipe closes, whatever the reason (SIGKILL of this process included), it ends them: stop signal first, SIGKILL
 * after three seconds. It runs in a session of its own, so that what kills this process group spares it.
 * A pid is struck off as soon as its process ended, so a number in use again by others is never hit.
 */
import { type ChildProcess, spawn } from 'node:child_process';

const SCRIPT = `
trap '' INT TERM HUP
list=''
while read -r op pid sig; do
  kept=''
  for entry in $list; do [ "\${entry#*:}" = "$pid" ] || kept="$kept $entry"; done
  list="$kept"
  [ "$op" = + ] && list="$list $sig:$pid"
done
[ -n "$list" ] || exit 0
for entry in $list; do kill -"\${entry%%:*}" "\${entry#*:}" 2>/dev/null; done
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  alive=''
  for entry in $list; do kill -0 "\${entry#*:}" 2>/dev/null && alive=1; done
  [ -n "$alive" ] || exit 0
  sleep 0.2
done
for entry in $list; do kill -KILL "\${entry#*:}" 2>/dev/null; done
`;

const watched = new Map<number, 'TERM' | 'INT'>();
let keeper: ChildProcess | undefined;

function begin(): ChildProcess {
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
  });
  child.stdin.on('error', () => undefined);
  child.once('exit', () => {
    if (keeper !== child) return;
    keeper = undefined;
    if (watched.size > 0) keeper = begin();
  });
  for (const [pid, signal] of watched) child.stdin.write(`+ ${pid} ${signal}\n`);
  child.unref();
  // The pipe alone must not keep this process from ending.
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  return child;
}

export function watch(pid: number, stopSignal: 'SIGTERM' | 'SIGINT'): void {
  const signal = stopSignal === 'SIGINT' ? 'INT' : 'TERM';
  watched.set(pid, signal);
  if (keeper) keeper.stdin?.write(`+ ${pid} ${signal}\n`);
  else keeper = begin();
}

export function unwatch(pid: number): void {
  watched.delete(pid);
  keeper?.stdin?.write(`- ${pid} -\n`);
}

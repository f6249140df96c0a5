/** One at a time among the processes of a test run (`TEST_RUN_FOLDER`), for what one of them installs for all. Alone, nothing is waited for. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './time.ts';

/** As long as the longest installation: whoever holds the turn is ended by the runner after about as long. */
const PATIENCE_MS = 400_000;

export async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const run = process.env['TEST_RUN_FOLDER'];
  if (!run) return work();
  const path = join(run, `${name}.turn`);
  await eventually(() => writeFile(path, String(process.pid), { flag: 'wx' }), { timeoutMs: PATIENCE_MS, everyMs: 100 });
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Log files that do not grow for ever: one that passes its bound is copied to `<name>.1` and emptied in place.
 * Processes append, so they go on at the new end; lines written between copy and emptying are lost.
 */
import { copyFile, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const BOUND_BYTES = 32 * 1024 * 1024;
const EVERY_MS = 15_000;

export async function boundFolder(folder: string, bound: number = BOUND_BYTES): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.log')) continue;
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size <= bound) continue;
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
  }
}

export function boundLogs(folder: string): NodeJS.Timeout {
  const timer = setInterval(() => void boundFolder(folder).catch(() => undefined), EVERY_MS);
  timer.unref();
  return timer;
}

/**
 * Scratch folders for tests, gone with the process that asked for them (`KEEP_TEST_DATA=1` keeps them). All lie in one folder per test run
 * (`TEST_RUN_FOLDER`, set by the runner), so that the runner can tell whether anything was left behind.
 */
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made = new Set<string>();

process.once('exit', () => {
  if (process.env['KEEP_TEST_DATA'] === '1') return;
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Mode 0711: PostgreSQL's own user must pass through when the tests run as root. */
export async function scratchFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(process.env['TEST_RUN_FOLDER'] ?? tmpdir(), `sallyport-${name}-`));
  await chmod(folder, 0o711);
  made.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  made.delete(folder);
}

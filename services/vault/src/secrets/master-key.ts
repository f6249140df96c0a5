/**
 * The master key file: 32 bytes, mode 0600, made at the first start and never again. Losing it loses every stored credential;
 * a file that is not exactly a key stops the start instead of being replaced.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_BYTES } from '@sallyport/seal/with-key.ts';

export async function masterKey(secretsDir: string): Promise<Uint8Array> {
  const path = join(secretsDir, 'master.key');
  return (await read(path)) ?? (await make(secretsDir, path));
}

async function read(path: string): Promise<Uint8Array | null> {
  const key = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (key !== null && key.length !== KEY_BYTES) throw new Error(`${path} is not a master key of ${KEY_BYTES} bytes`);
  return key;
}

/** Written aside, synced, then linked into place: a crash leaves no half key, and of two starts at once one key wins for both. */
async function make(dir: string, path: string): Promise<Uint8Array> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(KEY_BYTES));
    await file.sync();
  } finally {
    await file.close();
  }
  await link(aside, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(aside);
  const key = await read(path);
  if (key === null) throw new Error(`${path} vanished`);
  return key;
}

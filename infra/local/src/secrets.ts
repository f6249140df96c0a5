/**
 * Passwords on disk: one random password per file, folder 0700, file 0600. An existing file is kept,
 * so a restart never locks anyone out.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export async function passwordFile(dir: string, name: string): Promise<{ path: string; password: string }> {
  const path = join(dir, name);
  const kept = await readFile(path, 'utf8').catch(() => '');
  if (kept.trim() !== '') return { path, password: kept.trim() };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const password = randomBytes(24).toString('hex');
  // Renamed into place: a crash leaves either no file or a whole one.
  await writeFile(`${path}.new`, `${password}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return { path, password };
}

export async function passwordFiles(dir: string, names: readonly string[]): Promise<Record<string, string>> {
  const passwords: Record<string, string> = {};
  for (const name of names) passwords[name] = (await passwordFile(dir, name)).password;
  return passwords;
}

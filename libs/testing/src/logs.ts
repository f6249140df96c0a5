/** What the processes of a test said last, for the message of a failed start. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const LINES = 8;

export async function lastLines(folder: string): Promise<string> {
  const names = await readdir(folder).catch(() => []);
  const parts: string[] = [];
  for (const name of names.filter((file) => file.endsWith('.log')).sort()) {
    const lines = (await readFile(join(folder, name), 'utf8')).trimEnd().split('\n').slice(-LINES);
    parts.push(`-- ${name}\n${lines.map((line) => `  ${line.slice(0, 400)}`).join('\n')}`);
  }
  return parts.join('\n');
}

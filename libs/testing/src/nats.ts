/** A real nats-server of the test's own: every user of the platform, all streams, a random port, a scratch folder. */
import { join } from 'node:path';
import { natsUsers } from '@sallyport/bus/permissions.ts';
import { startNats } from '@sallyport/local/nats.ts';
import { makeStreams } from '@sallyport/local/streams.ts';
import { removeFolder, scratchFolder } from './folders.ts';

export type TestNats = {
  url: string;
  port: number;
  pid: number;
  /** user name → password */
  passwords: Record<string, string>;
  dir: string;
  stop(): Promise<void>;
  /** SIGKILL and a new start on the same port and store; streams and buckets are made again */
  restart(): Promise<void>;
};

export type WithNatsOptions = {
  /** false: no streams are made, for tests of the administrator step itself */
  streams?: boolean;
};

export async function withNats(options: WithNatsOptions = {}): Promise<TestNats> {
  const folder = await scratchFolder('nats');
  const users = natsUsers();
  const passwords = Object.fromEntries(users.map(({ name }) => [name, `${name}-password`]));
  const dir = join(folder, 'nats');
  let server = await startNats({ dir, users, passwords });
  const { port, url } = server;
  const make = async (): Promise<void> => {
    if (options.streams !== false) await makeStreams(url, passwords['admin'] ?? '');
  };
  try {
    await make();
  } catch (error) {
    await server.stop();
    removeFolder(folder);
    throw error;
  }
  return {
    url,
    port,
    get pid() {
      return server.pid;
    },
    passwords,
    dir,
    async stop() {
      await server.stop();
      removeFolder(folder);
    },
    async restart() {
      await server.stop(0);
      server = await startNats({ dir, users, passwords, port });
      await make();
    },
  };
}

/** Three NATS nodes as processes on loopback, streams threefold: a node is killed, calls pass again, nothing is lost. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { api } from '@sallyport/bus/api.ts';
import { ADMIN_USER, natsUsers } from '@sallyport/bus/permissions.ts';
import { natsSpec } from '@sallyport/local/nats.ts';
import { type ProcessSpec, type Running, start } from '@sallyport/local/processes.ts';
import { passwordFiles } from '@sallyport/local/secrets.ts';
import { makeStreams } from '@sallyport/local/streams.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { freePort } from '@sallyport/testing/ports.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Load } from './load.ts';
import type { Witness } from './evidence.ts';
import type { World } from './world.ts';

export interface Nodes {
  url: string;
  dataDir: string;
  names: readonly string[];
  kill(name: string): Promise<void>;
  start(name: string): Promise<void>;
  stop(): Promise<void>;
}

const NAMES = ['one', 'two', 'three'] as const;

export async function startNodes(): Promise<Nodes> {
  const folder = await scratchFolder('nodes');
  const dataDir = join(folder, 'data');
  const users = natsUsers();
  const passwords = await passwordFiles(
    join(dataDir, 'secrets', 'nats'),
    users.map(({ name }) => name),
  );
  const ports: number[] = [];
  while (ports.length < 6) {
    const port = await freePort();
    if (!ports.includes(port)) ports.push(port);
  }
  const specs = new Map<string, ProcessSpec>();
  for (const [index, name] of NAMES.entries()) {
    const cluster = { name: 'sallyport', port: ports[3 + index] ?? 0, routes: ports.slice(3) };
    const spec = await natsSpec({ dir: join(folder, name), users, passwords, port: ports[index] ?? 0, serverName: name, cluster });
    specs.set(name, { ...spec, name: `nats ${name}` });
  }
  const running = new Map<string, Running>();
  const begin = async (name: string): Promise<void> => {
    const spec = specs.get(name);
    if (spec) running.set(name, await start(spec));
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...running.values()].map((one) => one.stop(0)));
    removeFolder(folder);
  };
  const url = ports
    .slice(0, 3)
    .map((port) => `nats://127.0.0.1:${port}`)
    .join(',');
  try {
    await Promise.all(NAMES.map(begin));
    // The three must find each other and choose a leader first.
    await eventually(() => makeStreams(url, passwords[ADMIN_USER] ?? ''), { timeoutMs: 40_000, everyMs: 500 });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    dataDir,
    names: NAMES,
    kill: async (name) => {
      const one = running.get(name);
      if (!one) throw new Error(`no node ${name} runs`);
      running.delete(name);
      await one.stop(0);
    },
    start: begin,
    stop,
  };
}

interface Clustered {
  cluster?: { leader?: string; replicas?: { name: string; current: boolean }[] };
}

export async function leaderOf({ bus }: Witness): Promise<string> {
  const info = await api<Clustered>(bus, 'STREAM.INFO.LEDGER', undefined, 2_000);
  assert.equal(info.cluster?.replicas?.length, 2, 'the ledger has three replicas');
  return info.cluster?.leader ?? '';
}

/** The node that hosts a gateway's follower and is not the ledger's leader, if there is one. */
async function hostOf({ bus }: Witness, leader: string): Promise<string> {
  const list = await api<{ consumers: (Clustered & { name: string })[] }>(bus, 'CONSUMER.LIST.LEDGER', { offset: 0 }, 2_000);
  const hosts = list.consumers.filter(({ name }) => name.startsWith('gateway_')).map(({ cluster }) => cluster?.leader ?? '');
  return hosts.find((host) => host !== '' && host !== leader) ?? hosts[0] ?? leader;
}

async function whole({ bus }: Witness): Promise<void> {
  await eventually(
    async () => {
      const { cluster } = await api<Clustered>(bus, 'STREAM.INFO.LEDGER', undefined, 2_000);
      assert.ok(cluster?.leader && cluster.replicas?.every(({ current }) => current), 'the replicas are behind');
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
}

export async function killNode(world: World, nodes: Nodes, load: Load, which: 'host' | 'leader'): Promise<number> {
  await whole(world.witness);
  const leader = await leaderOf(world.witness);
  const node = which === 'leader' ? leader : await hostOf(world.witness, leader);
  const inFlight = await load.busy(8);
  await nodes.kill(node);
  const passing = await world.passing(10_000);
  world.say(
    `SIGKILL of NATS node ${node} (${which === 'leader' ? "the ledger's leader" : "hosts a gateway's follower"}): ${inFlight} calls in flight, calls pass after ${passing} ms`,
  );
  await nodes.start(node);
  return passing;
}

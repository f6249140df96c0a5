/**
 * Start and memory of a gateway whose window is full: `node services/gateway/test/start.bench.ts [entries]`. A running platform's log gets the calls of three
 * minutes (1,000 passports; each call with operation id, single-use token and cap, and its closing), written as fast as it takes them; then the gateway is
 * started anew over them. Its time includes starting the process.
 */
import { readFile } from 'node:fs/promises';
import { connectBus } from '@sallyport/bus/connect.ts';
import { createGroupCommit } from '@sallyport/bus/group-commit.ts';
import { hash12 } from '@sallyport/contracts/target.ts';
import { encodeEntry, type Entry, type Hash, hashOf } from '@sallyport/admission/entry.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { type Gateway, withPlatform } from './platform/platform.ts';

const ENTRIES = Number(process.argv[2] ?? 360_000);
const PASSPORTS = 1_000;
const AT_ONCE = 4_000;
const SETTLE_MS = 3_000;
const OPERATOR = 'op_01kt16jkm0emq8k9w39qsaekf4';

const log = createLog('bench', { level: 'warn' });
const h = (text: string): Hash => hashOf(hash12(text));
const platform = await withPlatform();
const { nats } = platform;

function attempt(number: number): Entry {
  const of = number % PASSPORTS;
  return {
    kind: 'attempt',
    id: h(`attempt:${number}`),
    operator: h('operator'),
    session: h(`session:${of}`),
    jti: h(`jti:${of}`),
    chain: [{ line: h(`line:${of}`), agent: h(`agent:${of}`) }],
    missions: [h(`mission:${of}`)],
    connection: h('connection'),
    grant: h(`grant:${of}`),
    service: h('github'),
    operation: { id: h(`operation:${number}`), digest: h(`digest:${number}`) },
    jwt: h(`jwt:${number}`),
    caps: [{ mission: 0, kind: 'actions', limit: 1_000_000, behaviour: 'deny' }],
    until: Date.now() + 60_000,
    checked: 0,
  };
}

async function fill(): Promise<void> {
  const bus = await connectBus({ url: nats.url, user: 'gateway', password: nats.passwords['gateway'] ?? '', name: 'bench', log });
  const commit = createGroupCommit(bus, { boot: newId('boot', Date.now()) });
  const actor = { type: 'agent', id: 'agt' } as const;
  const write = (entry: Entry): Promise<unknown> => {
    const fact = { id: newId('event', Date.now()), type: 'x', v: 1, at: Date.now(), operator_id: OPERATOR, actor, data: {} };
    return commit.submit(0, fact, encodeEntry(entry));
  };
  for (let number = 0; number < ENTRIES / 2; number += AT_ONCE / 2) {
    const calls = Array.from({ length: Math.min(AT_ONCE / 2, ENTRIES / 2 - number) }, (_, i) => attempt(number + i));
    await Promise.all(calls.map(write));
    const ends = calls.map((call): Entry => ({ kind: 'closing', attempt: 'id' in call ? call.id : '', sent: true, outcome: 'success' }));
    await Promise.all(ends.map(write));
  }
  await bus.close();
}

async function say(title: string, { service }: Gateway): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8');
  const mb = (name: string): string => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024).toFixed(0);
  console.log(
    `${title}: resident ${mb('VmRSS')} MB (peak ${mb('VmHWM')} MB), of it ${mb('RssFile')} MB of files that all Node processes share`,
  );
}

try {
  const [running] = platform.gateways;
  if (!running) throw new Error('no gateway runs');
  await say('empty log', running);
  const began = performance.now();
  await fill();
  console.log(`${ENTRIES} entries of ${PASSPORTS} passports written in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await say('the gateway that followed them', running);
  await running.service.stop();
  const startedAt = performance.now();
  const started = await platform.startGateway();
  console.log(`started over a full window: ready after ${((performance.now() - startedAt) / 1000).toFixed(2)} s`);
  await say('the gateway that read them at its start', started);
} finally {
  await platform.stop();
}

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, getMessage, LEDGER, streamInfo } from '../src/api.ts';
import { append } from '../src/append.ts';
import type { Bus } from '../src/connect.ts';
import { type Entry, type Follower, type FollowOptions, follow } from '../src/follow.ts';
import { GATEWAY_FILTERS } from '../src/subjects.ts';
import { eventually } from './support/eventually.ts';
import { fact } from './support/facts.ts';
import { type Nats, startNats } from './support/nats.ts';
import { type Proxy, startProxy } from './support/proxy.ts';

/** Each tick of a watchdog comes late. */
const BUSY_MS = 170;

let nats: Nats;
let bus: Bus;
let proxy: Proxy;
let far: Bus;
const followers: Follower[] = [];

before(async () => {
  nats = await startNats();
  bus = await nats.bus();
  proxy = await startProxy(nats.port);
  far = await nats.bus('root', proxy.port);
});

after(async () => {
  await Promise.all(followers.map((follower) => follower.stop()));
  await nats?.stop();
  await proxy?.close();
});

let ids = 0;
async function write(subject: string): Promise<number> {
  const result = await append(bus, [{ subject, facts: [fact('thing.happened')], id: `f${++ids}` }], { deadline_ms: 20_000 });
  assert.ok('seq' in result);
  return result.seq;
}

async function begin(over: Bus, options: Partial<FollowOptions> & { filters: string[] }): Promise<Follower> {
  const { last_seq } = (await streamInfo(bus)).state;
  const follower = follow(over, { name: 'test', start_seq: last_seq + 1, on_message: () => undefined, ...options });
  followers.push(follower);
  await follower.opened;
  return follower;
}

async function consumerNames(): Promise<string[]> {
  return (await api<{ consumers: string[] | null }>(bus, `CONSUMER.NAMES.${LEDGER}`)).consumers ?? [];
}

test('given two filters, exactly their messages come, in order, with the timestamps of the stream', async () => {
  const seen: Entry[] = [];
  const follower = await begin(bus, { filters: GATEWAY_FILTERS, on_message: (entry) => void seen.push(entry) });
  const call = await write('ledger.1.calls.bt_1');
  await write('ledger.1.op_1.agent.agt_1');
  const fence = await write('ledger.1.op_1.fence.agent.agt_1');
  await eventually(() => seen.length === 2);
  assert.deepEqual(
    seen.map((entry) => entry.seq),
    [call, fence],
  );
  assert.equal(seen[0]?.facts()[0]?.type, 'thing.happened');
  for (const entry of seen) assert.equal(entry.ts_ms, (await getMessage(bus, LEDGER, { seq: entry.seq }))?.ts_ms);
  assert.equal(follower.position(), fence);
});

test('given messages that do not match, the position passes them with the next heartbeat', async () => {
  const beats: number[] = [];
  const follower = await begin(bus, { filters: ['ledger.*.calls.*'], on_beat: (position) => void beats.push(position) });
  const seq = await write('ledger.1.op_1.agent.agt_2');
  await eventually(() => follower.position() >= seq);
  assert.ok(beats.includes(seq));
  assert.ok(follower.last_heard_ms() < 1_000);
});

test('given a headers-only follower, entries have headers and size but no facts', async () => {
  const seen: Entry[] = [];
  await begin(bus, { filters: ['ledger.*.calls.*'], headers_only: true, on_message: (entry) => void seen.push(entry) });
  await append(bus, [{ subject: 'ledger.1.calls.bt_h', facts: [fact('a.b')], id: 'headers', headers: { 'Sp-Entries': 'AAAA' } }]);
  await eventually(() => seen.length === 1);
  assert.equal(seen[0]?.header('Sp-Entries'), 'AAAA');
  assert.ok((seen[0]?.size ?? 0) > 10);
  assert.throws(() => seen[0]?.facts());
});

test('given a handler that fails, the same message comes again and is never passed', async () => {
  const seen: number[] = [];
  let failures = 2;
  const follower = await begin(bus, {
    filters: ['ledger.*.calls.retry'],
    on_message: async (entry) => {
      seen.push(entry.seq);
      if (failures-- > 0) throw new Error('not yet');
    },
  });
  const first = await write('ledger.1.calls.retry');
  const second = await write('ledger.1.calls.retry');
  await eventually(() => follower.position() >= second);
  assert.deepEqual(seen, [first, first, first, second]);
});

test('given a slow handler, messages wait their turn and the position stays behind them', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: number[] = [];
  const follower = await begin(bus, {
    filters: ['ledger.*.calls.slow'],
    on_message: async (entry) => {
      await gate.promise;
      seen.push(entry.seq);
    },
  });
  const seqs = [await write('ledger.1.calls.slow'), await write('ledger.1.calls.slow')];
  await eventually(() => follower.last_heard_ms() < 200);
  assert.ok(follower.position() < (seqs[0] ?? 0));
  gate.resolve();
  await eventually(() => follower.position() >= (seqs[1] ?? 0));
  assert.deepEqual(seen, seqs);
});

/** Writes while `harm` happens and expects every message once, in order. */
async function survives(over: Bus, name: string, harm: (follower: Follower) => Promise<void>): Promise<string[]> {
  const subject = `ledger.1.calls.${name}`;
  const seen: number[] = [];
  const reopened: string[] = [];
  const follower = await begin(over, {
    filters: [subject],
    on_message: (entry) => void seen.push(entry.seq),
    on_reopen: (cause) => void reopened.push(cause),
  });
  const written = [await write(subject), await write(subject)];
  const harmed = harm(follower);
  for (let i = 0; i < 20; i++) written.push(await write(subject));
  await harmed;
  written.push(await write(subject));
  const last = written.at(-1) ?? 0;
  await eventually(() => follower.position() >= last, 15_000);
  assert.deepEqual(seen, written);
  await follower.stop();
  return reopened;
}

test('given a connection that is cut, it goes on without gap or repetition', async () => {
  await survives(far, 'cut', async () => proxy.cutAll());
});

test('given a connection that falls silent, it opens anew when it can, without gap or repetition', async () => {
  const reopened = await survives(far, 'pause', async (follower) => {
    await eventually(() => follower.steady_since() < Number.POSITIVE_INFINITY);
    const paused = performance.now();
    proxy.pause();
    await eventually(() => follower.last_heard_ms() > 2_500);
    assert.equal(follower.steady_since(), Number.POSITIVE_INFINITY);
    proxy.resume();
    await eventually(() => follower.steady_since() < Number.POSITIVE_INFINITY, 15_000);
    assert.ok(follower.steady_since() > paused + 2_000);
  });
  assert.ok(reopened.includes('silence'));
});

test('given a consumer that is deleted, it opens anew within two seconds, without gap or repetition', async () => {
  const reopened = await survives(bus, 'deleted', async () => {
    for (const name of await consumerNames()) await api(bus, `CONSUMER.DELETE.${LEDGER}.${name}`);
    await eventually(async () => (await consumerNames()).length > 0, 3_000);
  });
  assert.deepEqual(new Set(reopened), new Set(['silence']));
});

test('given a process that is busy all the time and a consumer that is gone, it opens anew all the same', async () => {
  const reopened: string[] = [];
  const follower = await begin(bus, { filters: ['ledger.*.calls.busy'], on_reopen: (cause) => void reopened.push(cause) });
  let isBusy = true;
  const work = (): void => {
    for (const end = performance.now() + BUSY_MS; performance.now() < end; );
    if (isBusy) setImmediate(work);
  };
  work();
  try {
    for (const name of await consumerNames()) await api(bus, `CONSUMER.DELETE.${LEDGER}.${name}`, undefined, 5_000);
    await eventually(() => reopened.length > 0);
  } finally {
    isBusy = false;
  }
  await follower.stop();
});

test('given a server that is killed and started again, it goes on without gap or repetition', async () => {
  await survives(bus, 'killed', async () => {
    await nats.kill();
    await nats.start();
  });
});

test('given an acknowledged publish that is not read back, it opens anew after 300 ms', async () => {
  const reopened: string[] = [];
  const follower = await begin(bus, { filters: ['ledger.*.calls.expected'], on_reopen: (cause) => void reopened.push(cause) });
  const read = await write('ledger.1.calls.expected');
  follower.expect(read);
  // One is expected at a time: with the first still to come, a second would be forgotten.
  await eventually(() => follower.position() >= read);
  const asked = performance.now();
  await eventually(() => {
    follower.expect(read + 1_000);
    return reopened.includes('not read back');
  });
  assert.ok(performance.now() - asked >= 300);
});

test('given a cursor beyond the end of the ledger, it does not follow another history', async () => {
  let seen = 0;
  const { last_seq } = (await streamInfo(bus)).state;
  const follower = follow(bus, { name: 'ahead', filters: ['ledger.>'], start_seq: last_seq + 100, on_message: () => void seen++ });
  followers.push(follower);
  await write('ledger.1.calls.ahead');
  assert.equal(
    await Promise.race([follower.opened.then(() => 'open'), new Promise((resolve) => setTimeout(() => resolve('waiting'), 700))]),
    'waiting',
  );
  assert.equal(seen, 0);
});

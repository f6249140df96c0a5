import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { denial } from '@sallyport/contracts/errors.ts';
import { type Clock, createClock } from '../src/clock.ts';
import type { Bus } from '../src/connect.ts';
import { type Idempotency, idempotencyHash, inProgress } from '../src/idempotency.ts';
import { createLedger, type Decision, type Ledger, type Reader } from '../src/ledger.ts';
import { createRunning } from '../src/running.ts';
import { counter, scope } from './support/facts.ts';
import { type Nats, startNats } from './support/nats.ts';

const DAY_MS = 86_400_000;
let nats: Nats;
let bus: Bus;
let clock: Clock;
let ledger: Ledger;

before(async () => {
  nats = await startNats();
  bus = await nats.bus();
  clock = await createClock(bus);
  ledger = createLedger(bus, { clock });
});

after(async () => {
  clock?.stop();
  await nats?.stop();
});

const keyed = (key: string, body = 'aa'): { idempotency: Idempotency } => ({
  idempotency: {
    key,
    principal: 'operator:op_1',
    method_path: 'POST /v1/agents',
    body_sha256: body,
    seal: async (plain) => Buffer.from(plain).toString('base64url'),
    open: async (sealed) => Buffer.from(sealed, 'base64url').toString(),
  },
});

let runs = 0;
async function register(read: Reader): Promise<Decision<{ secret: string }>> {
  const { state } = await read.get(counter, 'op_1', 'keyed');
  runs++;
  return {
    write: [{ on: counter, operator_id: 'op_1', id: 'keyed', facts: [{ type: 'agent.changed', v: 1, data: {} }] }],
    value: { secret: `s${state.count}` },
  };
}

test('given a key and the same body again, the first answer comes back and nothing is written', async () => {
  const first = await ledger.decide({ ...scope, ...keyed('k1') }, register);
  const end = await ledger.streamLast();
  const again = await ledger.decide({ ...scope, ...keyed('k1') }, register);
  assert.ok(first.ok && again.ok);
  assert.deepEqual([again.value, again.seq, again.replayed], [first.value, first.seq, true]);
  assert.equal(await ledger.streamLast(), end);
});

test('given a key with another body, it is refused', async () => {
  await ledger.decide({ ...scope, ...keyed('k2') }, register);
  const again = await ledger.decide({ ...scope, ...keyed('k2', 'bb') }, register);
  assert.ok(!again.ok && again.denial.code === 'IDEMPOTENCY_KEY_REUSED');
});

test('given a request that is still running at another process, its repeat is told so, and afterwards gets its answer', async () => {
  const second = createLedger(await nats.bus(), { clock });
  const before = await ledger.load(counter, 'op_1', 'keyed');
  let told: Promise<unknown> = Promise.resolve();
  const first = await ledger.decide({ ...scope, ...keyed('k3') }, async (read) => {
    // While the first one decides, and not merely at about the same time.
    const [repeat, other] = await Promise.all([
      second.decide({ ...scope, ...keyed('k3') }, register),
      second.decide({ ...scope, ...keyed('k3-other') }, async () => ({ write: [], value: null })),
    ]);
    told = Promise.resolve(repeat);
    assert.ok(other.ok, 'another key is not held up');
    return register(read);
  });
  const repeat = await told;
  assert.deepEqual(repeat, { ok: false, denial: inProgress() });
  assert.deepEqual(
    [inProgress().code, inProgress().metadata, inProgress().retry_after],
    ['CONFLICT', { reason: 'request_in_progress' }, 1],
  );
  const again = await second.decide({ ...scope, ...keyed('k3') }, register);
  assert.ok(first.ok && again.ok && again.replayed);
  assert.deepEqual(again.value, first.value);
  assert.equal((await ledger.load(counter, 'op_1', 'keyed')).state.count, before.state.count + 1);
});

test('given two processes that decide one key at once, one writes, and the other waits or answers the same', async () => {
  const second = createLedger(await nats.bus(), { clock });
  for (let round = 0; round < 10; round++) {
    const before = await ledger.load(counter, 'op_1', 'keyed');
    const both = await Promise.all([ledger, second].map((one) => one.decide({ ...scope, ...keyed(`k7-${round}`) }, register)));
    const made = both.filter((one) => one.ok);
    assert.ok(made.length > 0);
    assert.equal(new Set(made.map(({ value }) => JSON.stringify(value))).size, 1);
    for (const one of both) if (!one.ok) assert.equal(one.denial.metadata?.['reason'], 'request_in_progress');
    assert.equal((await ledger.load(counter, 'op_1', 'keyed')).state.count, before.state.count + 1);
  }
});

test('given a mark that a crash left, its repeat is told to wait until the first one has an answer', async () => {
  const crashed = createRunning(await nats.bus());
  assert.ok(await crashed.begin('op_1', idempotencyHash(keyed('k8').idempotency)));
  const waiting = await ledger.decide({ ...scope, ...keyed('k8') }, register);
  assert.ok(!waiting.ok && waiting.denial.metadata?.['reason'] === 'request_in_progress');

  // It had written its answer, and died before it could take the mark away.
  const first = await ledger.decide({ ...scope, ...keyed('k9') }, register);
  assert.ok(await crashed.begin('op_1', idempotencyHash(keyed('k9').idempotency)));
  const again = await ledger.decide({ ...scope, ...keyed('k9') }, register);
  assert.ok(first.ok && again.ok && again.replayed);
});

test('given a request that is still running here, its repeat is told so', async () => {
  const first = ledger.decide({ ...scope, ...keyed('k4') }, register);
  const second = await ledger.decide({ ...scope, ...keyed('k4') }, register);
  assert.deepEqual(second, { ok: false, denial: inProgress() });
  assert.ok((await first).ok);
});

test('given a refusal that anybody gets without a credential, it leaves nothing in the log', async () => {
  const refuse = async (): Promise<Decision<null>> => ({ deny: denial('CONFLICT', 'no', { reason: 'already_bootstrapped' }) });
  const end = await ledger.streamLast();
  for (let n = 0; n < 3; n++) await ledger.decide({ ...scope, ...keyed('k10') }, refuse);
  assert.equal(await ledger.streamLast(), end);
});

test('given a refusal about the request, it is kept; given one about the caller, it is not', async () => {
  const refuse = (code: 'NOT_FOUND' | 'UNAUTHORIZED') => async (): Promise<Decision<null>> => {
    runs++;
    return { deny: denial(code, 'no') };
  };
  for (const { code, replayed } of [
    { code: 'NOT_FOUND', replayed: true },
    { code: 'UNAUTHORIZED', replayed: undefined },
  ] as const) {
    await ledger.decide({ ...scope, ...keyed(`k5-${code}`) }, refuse(code));
    const again = await ledger.decide({ ...scope, ...keyed(`k5-${code}`) }, refuse(code));
    assert.ok(!again.ok && again.denial.code === code);
    assert.equal(again.replayed, replayed);
  }
});

test('given a key older than a day, it is free again', async () => {
  const first = await ledger.decide({ ...scope, ...keyed('k6') }, register);
  const later = createLedger(bus, { clock: { ...clock, now: () => clock.now() + DAY_MS + 1_000 } });
  const again = await later.decide({ ...scope, ...keyed('k6', 'cc') }, register);
  assert.ok(first.ok && again.ok && again.replayed === undefined && again.seq > first.seq);
});

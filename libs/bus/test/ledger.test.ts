import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { denial } from '@sallyport/contracts/errors.ts';
import { readLedger } from '../src/api.ts';
import { type Clock, createClock } from '../src/clock.ts';
import type { Bus } from '../src/connect.ts';
import { LedgerUnavailable } from '../src/errors.ts';
import { acknowledgeFence, fenceOf } from '../src/fences.ts';
import { createLedger, type Decision, type Ledger, type Reader } from '../src/ledger.ts';
import { aggregateSubject, fenceSubject } from '../src/subjects.ts';
import { counter, scope } from './support/facts.ts';
import { type Nats, startNats } from './support/nats.ts';

let nats: Nats;
let bus: Bus;
let clock: Clock;
let ledger: Ledger;
let other: Ledger;

before(async () => {
  nats = await startNats();
  bus = await nats.bus();
  clock = await createClock(bus);
  ledger = createLedger(bus, { clock });
  other = createLedger(await nats.bus(), { clock });
});

after(async () => {
  clock?.stop();
  await nats?.stop();
});

const draft = (type: string, data: Record<string, unknown> = {}) => ({ type, v: 1, data });
const named = (id: string, type: string) => ({ on: counter, operator_id: 'op_1', id, facts: [draft(type)] });

function add(id: string, type = 'agent.changed') {
  return async (read: Reader): Promise<Decision<number>> => {
    const { state } = await read.get(counter, 'op_1', id);
    return { write: [named(id, type)], value: state.count + 1 };
  };
}

/** Holds the first `count` callers until all of them are there; later ones pass. */
function meeting(count: number): () => Promise<void> {
  const all = Promise.withResolvers<void>();
  let here = 0;
  return () => {
    if (++here >= count) all.resolve();
    return all.promise;
  };
}

test('given a new aggregate, a decision writes its facts with their envelope', async () => {
  const decided = await ledger.decide({ ...scope, request_id: 'req_1', causation_id: 'evt_0' }, add('first', 'agent.registered'));
  assert.ok(decided.ok);
  const stored = await readLedger(bus, { last_by_subj: aggregateSubject('op_1', 'agent', 'first') });
  assert.equal(stored?.seq, decided.seq);
  const [fact] = JSON.parse(Buffer.from(stored?.data ?? []).toString());
  assert.match(fact.id, /^evt_/);
  assert.deepEqual(
    [fact.type, fact.operator_id, fact.request_id, fact.causation_id, fact.actor.id],
    ['agent.registered', 'op_1', 'req_1', 'evt_0', 'test'],
  );
});

test('given a refusal, nothing is written', async () => {
  const before = await ledger.streamLast();
  const decided = await ledger.decide(scope, async () => ({ deny: denial('NOT_FOUND', 'no') }));
  assert.ok(!decided.ok && decided.denial.code === 'NOT_FOUND');
  assert.equal(await ledger.streamLast(), before);
});

test('given a decision that writes nothing, its sequence is 0', async () => {
  const decided = await ledger.decide(scope, async () => ({ write: [], value: 'same' }));
  assert.deepEqual(decided, { ok: true, value: 'same', seq: 0 });
});

test('given many deciders on one aggregate, each fact counts once and every decision saw all before it', async () => {
  const decided = await Promise.all([ledger, other, ledger, other].map((one) => one.decide(scope, add('contended'))));
  const values = decided.map((one) => (one.ok ? one.value : 0));
  assert.deepEqual(values.sort(), [1, 2, 3, 4]);
  assert.equal((await ledger.load(counter, 'op_1', 'contended')).state.count, 4);
});

test('given two deciders that allow a thing once, exactly one wins and the other sees why', async () => {
  const bothHaveRead = meeting(2);
  const once = async (read: Reader): Promise<Decision<string>> => {
    const { state } = await read.get(counter, 'op_1', 'once');
    await bothHaveRead();
    return state.count > 0 ? { deny: denial('CONFLICT', 'taken') } : { write: [named('once', 'agent.registered')], value: 'mine' };
  };
  const decided = await Promise.all([ledger.decide(scope, once), other.decide(scope, once)]);
  assert.deepEqual(decided.map((one) => one.ok).sort(), [false, true]);
});

test('given an aggregate that a decision reads twice, and that changed in between, then it sees one picture, and decides again instead of writing on it', async () => {
  const counts: number[] = [];
  const decided = await ledger.decide(scope, async (read) => {
    const { state } = await read.get(counter, 'op_1', 'twice');
    counts.push(state.count);
    if (counts.length === 1) assert.ok((await other.decide(scope, add('twice'))).ok);
    assert.deepEqual((await read.get(counter, 'op_1', 'twice')).state, state);
    return { write: state.count > 0 ? [] : [named('twice', 'agent.registered')], value: state.count };
  });
  assert.deepEqual([counts, decided.ok && decided.value], [[0, 1], 1]);
  assert.equal((await ledger.load(counter, 'op_1', 'twice')).state.count, 1);
});

test('given two deciders that take one name for different aggregates, one gets it', async () => {
  const bothHaveRead = meeting(2);
  const take =
    (id: string) =>
    async (read: Reader): Promise<Decision<string>> => {
      const [taken] = await Promise.all([read.unique('op_1', 'thumbprint'), read.get(counter, 'op_1', id)]);
      await bothHaveRead();
      if (taken) return { deny: denial('CONFLICT', 'in use') };
      return {
        write: [named(id, 'agent.registered'), { unique: 'thumbprint', operator_id: 'op_1', fact: draft('key.taken', { id }) }],
        value: id,
      };
    };
  const decided = await Promise.all([ledger.decide(scope, take('u1')), other.decide(scope, take('u2'))]);
  assert.deepEqual(decided.map((one) => one.ok).sort(), [false, true]);
  const counts = await Promise.all(['u1', 'u2'].map(async (id) => (await ledger.load(counter, 'op_1', id)).state.count));
  assert.deepEqual(counts.sort(), [0, 1]);
});

test('given a state that is kept in memory, what another process wrote is seen all the same', async () => {
  await ledger.decide(scope, add('shared', 'agent.registered'));
  await other.decide(scope, add('shared', 'agent.renamed'));
  const { state } = await ledger.load(counter, 'op_1', 'shared');
  assert.deepEqual(state.names, ['agent.registered', 'agent.renamed']);
});

test('given an aggregate that was never read, one message costs one question, and several are read in order', async () => {
  const questions = async (reading: Ledger, id: string): Promise<[number, string[]]> => {
    const { outMsgs } = bus.nc.stats();
    const { state } = await reading.load(counter, 'op_1', id);
    return [bus.nc.stats().outMsgs - outMsgs, state.names];
  };
  await other.decide(scope, add('alone', 'agent.registered'));
  for (const type of ['agent.registered', 'agent.renamed', 'agent.suspended']) await other.decide(scope, add('thrice', type));
  const fresh = createLedger(bus, { clock });
  assert.deepEqual(await questions(fresh, 'never'), [1, []]);
  assert.deepEqual(await questions(fresh, 'alone'), [1, ['agent.registered']]);
  assert.deepEqual(await questions(fresh, 'alone'), [1, ['agent.registered']]);
  assert.deepEqual(await questions(fresh, 'thrice'), [4, ['agent.registered', 'agent.renamed', 'agent.suspended']]);
});

test('given a position that this process has met, reading begins there unasked; a later one is asked for, and one that is not there is an outage', async () => {
  const fresh = createLedger(bus, { clock });
  const { seq } = await other.decide(scope, add('met')).then((decided) => (decided.ok ? decided : assert.fail()));
  assert.ok((await fresh.readFrom(seq)) >= seq);
  const { outMsgs } = bus.nc.stats();
  assert.ok((await fresh.readFrom(seq)) >= seq);
  assert.equal(bus.nc.stats().outMsgs, outMsgs);
  await assert.rejects(fresh.readFrom(seq + 1_000), LedgerUnavailable);
});

test('given a decision that always loses, it gives up after ten tries', async () => {
  let tries = 0;
  const always = ledger.decide(scope, async (read) => {
    tries++;
    await read.get(counter, 'op_1', 'busy');
    await other.decide(scope, add('busy'));
    return { write: [named('busy', 'agent.changed')], value: null };
  });
  await assert.rejects(always, LedgerUnavailable);
  assert.equal(tries, 10);
});

test('given more aggregates than are kept, every state is still right', async () => {
  const small = createLedger(bus, { clock, max_cached: 2 });
  const ids = ['s1', 's2', 's3', 's4'];
  for (const id of ids) await small.decide(scope, add(id));
  for (const id of ids) assert.equal((await small.load(counter, 'op_1', id)).state.count, 1);
});

test('given a fence, it stands in the same batch with its headers, and its acknowledgements are collected', async () => {
  const decided = await ledger.decide(scope, async (read) => {
    await read.get(counter, 'op_1', 'fenced');
    const fence = { kind: 'passport', id: 'ppt_1', effect: 'revoked' as const, targets: ['jti:ppt_1', 'line:ppt_0'], ack: true };
    return { write: [{ fence, operator_id: 'op_1', fact: draft('passport.revoked') }, named('fenced', 'agent.changed')], value: null };
  });
  assert.ok(decided.ok && decided.acks);
  const stored = await readLedger(bus, { last_by_subj: fenceSubject('op_1', 'passport', 'ppt_1') });
  assert.equal(stored?.seq, decided.seq);
  const fence = stored && fenceOf(stored);
  assert.ok(fence);
  assert.deepEqual(
    [fence.effect, fence.kind, fence.id, fence.targets.length, fence.targets[0]?.length],
    ['revoked', 'passport', 'ppt_1', 2, 12],
  );
  acknowledgeFence(bus, fence, 'bt_1', decided.seq);
  acknowledgeFence(bus, fence, 'bt_2', decided.seq - 1);
  // Both are here before the time begins to run.
  await bus.nc.flush();
  assert.deepEqual(await decided.acks.collect(['bt_1', 'bt_2', 'bt_3'], decided.seq, 200), { acked: ['bt_1'], missing: ['bt_2', 'bt_3'] });
});

test('given a fence alone, it can be decided', async () => {
  const fence = { kind: 'agent', id: 'agt_1', effect: 'narrowed' as const, targets: ['agent:agt_1'] };
  const decide = () =>
    ledger.decide(scope, async () => ({ write: [{ fence, operator_id: 'op_1', fact: draft('agent.narrowed') }], value: 1 }));
  const [first, second] = [await decide(), await decide()];
  assert.ok(first.ok && second.ok && second.seq > first.seq);
});

test('given a name that is written without having been read, the decision is a defect', async () => {
  await assert.rejects(
    ledger.decide(scope, async () => ({ write: [{ unique: 'unread', operator_id: 'op_1', fact: draft('key.taken') }], value: null })),
    /reads a unique thing/,
  );
});

test('given a wildcard, the last matching sequence is found', async () => {
  const decided = await ledger.decide(scope, add('wild'));
  assert.ok(decided.ok);
  assert.equal(await ledger.lastSeq('ledger.*.op_1.agent.wild'), decided.seq);
  assert.equal(await ledger.lastSeq('ledger.*.op_nobody.>'), 0);
});

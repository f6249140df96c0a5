import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { fnv1a32, partitionOf } from '@sallyport/features/partition.ts';
import { signalId } from '@sallyport/features/signal-id.ts';
import type { AnyDetector } from '../src/framework/detector.ts';
import { eventOf } from '../src/framework/event.ts';
import { newKey, repeatsOf, stepKey } from '../src/framework/host.ts';
import { ownedBy, ownerOf } from '../src/framework/rendezvous.ts';
import { dropDead, keep, newPartition, partitionOfFact, stepFact } from '../src/worker/partition.ts';
import { DETECTORS } from '../src/framework/registry.ts';
import { denied, issued, missionEnded, newRun } from './support/facts.ts';
import { brief, run } from './support/given.ts';

const agent = newRun('op_a');
const off = (service: string, at: number): ReturnType<typeof denied> => denied(agent, { service, reason: 'service_out_of_scope' }, at);
const NOW = 1_780_304_411_000;

test('vectors B.1 and B.4 of the specification hold', () => {
  deepEqual([fnv1a32(''), fnv1a32('a'), fnv1a32('^issue$')], [2166136261, 3826002220, 4123215776]);
  deepEqual([partitionOf('ses_demo1'), partitionOf('agt_demo1')], [23, 2]);
  const id = signalId({
    detector: 'credential_outside_scope',
    version: '1.0.0',
    operator_id: 'op_01kt16jkm0emq8k9w39qsaekf4',
    key: 'ms_01kt16jphrfacb42v78k230hbe',
    cause_event_id: 'evt_01kt16k0a8e35rw9hmckwyqppc',
    cause_at_ms: NOW,
  });
  equal(id, 'sev_01kt16jybreqr94fverndmm0kx');
});

test('given the same facts, two owners raise the same signals, byte for byte', () => {
  const facts = [issued(agent, NOW), off('notion', NOW + 1), off('slack', NOW + 2)];
  const [one, two] = [run(facts), run(facts)];
  equal(one.raised.length, 2);
  equal(JSON.stringify(one), JSON.stringify(two));
});

test('given an owner that takes over in the middle, the rest gives the same signals', () => {
  const facts = [issued(agent, NOW), off('notion', NOW + 1), off('slack', NOW + 2)];
  const whole = run(facts);
  const half = run(facts.slice(0, 2));
  const rest = run(facts.slice(2), DETECTORS, JSON.parse(JSON.stringify(half.state)));
  deepEqual(
    [...half.raised, ...rest.raised].map(({ signal_id }) => signal_id),
    whole.raised.map(({ signal_id }) => signal_id),
  );
  deepEqual(rest.state.once, whole.state.once);
});

test('given a fact again, at its position or repeated under another one, nothing is raised or counted twice', () => {
  const fact = off('notion', NOW);
  const first = run([fact]);
  const event = eventOf(fact, { seq: 1, index: 0 }, null);
  deepEqual(stepKey(DETECTORS, first.state, event).state, first.state);
  const later = stepKey(DETECTORS, first.state, { ...event, pos: { seq: 9, index: 0 } });
  deepEqual([later.raised, later.repeated], [[], []]);
  deepEqual(later.state.once, first.state.once);
});

test('given a replay from far back, what a key has passed changes nothing', () => {
  const facts = Array.from({ length: 200 }, (_, index) => off('notion', NOW + index));
  const told = run(facts);
  const [first] = facts;
  ok(first);
  deepEqual(stepKey(DETECTORS, told.state, eventOf(first, { seq: 1, index: 0 }, null)).state, told.state);
});

test('given repeats, they are counted and raise nothing new; a state read back knows of them', () => {
  const told = run([off('notion', NOW), off('notion', NOW + 5_000), off('notion', NOW + 2_000), off('slack', NOW)]);
  equal(told.raised.length, 2);
  deepEqual(
    told.repeated.map(({ count, last_at_ms }) => [count, last_at_ms]),
    [
      [2, NOW + 5_000],
      [3, NOW + 5_000],
    ],
  );
  deepEqual(repeatsOf(told.state), told.repeated.slice(1));
});

test('given an agent that tries many services, the state stays small', () => {
  const told = run(Array.from({ length: 300 }, (_, index) => off(`service${index}`, NOW + index)));
  equal(told.raised.length, 300);
  ok(Object.keys(told.state.once).length <= 32);
  ok(JSON.stringify(told.state).length < 16_384);
});

test('given a detector that throws, the others go on and it is named', () => {
  const [real] = DETECTORS;
  ok(real);
  const broken: AnyDetector = {
    ...real,
    id: 'broken',
    step: () => {
      throw new Error('defect');
    },
  };
  const told = run([off('notion', NOW)], [broken, real]);
  deepEqual([brief(told).length, told.failed], [1, ['broken']]);
});

test('given a detector whose state outgrows its bound, the state begins anew', () => {
  const [real] = DETECTORS;
  ok(real);
  const greedy: AnyDetector = { ...real, id: 'greedy', step: () => ({ state: 'x'.repeat(2_000), out: [] }) };
  const told = run([off('notion', NOW)], [greedy]);
  deepEqual(told.state.states['greedy@1.0.0'], real.init(null));
});

test('given workers that come and go, each partition has one owner and only the needed ones move', () => {
  const workers = ['a', 'b', 'c'];
  const shares = workers.map((worker) => ownedBy(worker, workers, 64));
  deepEqual(
    shares.flat().sort((x, y) => x - y),
    Array.from({ length: 64 }, (_, partition) => partition),
  );
  ok(shares.every((share) => share.length > 8));
  for (let partition = 0; partition < 64; partition++) {
    const before = ownerOf(partition, workers);
    if (before !== 'c') equal(ownerOf(partition, ['a', 'b']), before);
    else notEqual(ownerOf(partition, ['a', 'b']), 'c');
  }
  equal(ownerOf(1, []), null);
});

test('given a mission that ended, its state lives 15 minutes more and is then dropped', () => {
  const number = partitionOf(agent.session_id);
  const partition = newPartition({ partition: number, fence: 1, cursor: 0 }, new Map());
  const owned = new Map([[number, partition]]);
  for (const [index, fact] of [issued(agent, NOW), missionEnded(agent, NOW + 1_000)].entries()) {
    const target = partitionOfFact(fact, owned);
    ok(target, fact.type);
    const step = stepFact(DETECTORS, target, fact, { seq: index + 1, index: 0 });
    ok(step);
    keep(target, step.key, step.state);
  }
  dropDead(partition, NOW + 900_999);
  ok(partition.keys.has(agent.mission_id));
  dropDead(partition, NOW + 901_000);
  deepEqual([partition.keys.size, [...partition.dropped]], [0, [agent.mission_id]]);
});

test('given a mission of nobody known, no state is made for what no detector reads', () => {
  const partition = newPartition({ partition: partitionOf(agent.session_id), fence: 1, cursor: 0 }, new Map());
  equal(stepFact(DETECTORS, partition, { ...off('notion', NOW), type: 'call.attempted' }, { seq: 1, index: 0 }), null);
  deepEqual(newKey('k', 'op_a').states, {});
});

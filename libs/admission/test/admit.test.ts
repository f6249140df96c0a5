import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash12 } from '@sallyport/contracts/target.ts';
import { type Admission, createAdmission } from '../src/admit.ts';
import { type AttemptEntry, type Cap, type Hash, hashOf } from '../src/entry.ts';
import { EMPTY_TABLE } from '../src/family.ts';
import type { FencePosition } from '../src/recent.ts';
import type { EntryPosition } from '../src/verdict.ts';

const h = (text: string): Hash => hashOf(hash12(text));
const boot = h('boot:1');
const PARTITION = 3;
const at = (seq: number, ts_ms = seq * 10, of = boot): EntryPosition => ({ seq, index: 0, ts_ms, boot: of, partition: PARTITION });
const fenceAt = (seq: number): FencePosition => ({ seq, ts_ms: seq * 10, partition: PARTITION });

function attempt(id: string, more: Partial<AttemptEntry> = {}): AttemptEntry {
  return {
    kind: 'attempt',
    id: h(id),
    operator: h('operator:1'),
    session: h('session:1'),
    jti: h('jti:1'),
    chain: [{ line: h('line:1'), agent: h('agent:1') }],
    missions: [h('mission:1')],
    connection: h('connection:1'),
    grant: h('grant:1'),
    service: h('github'),
    caps: [],
    until: 1_000_000,
    checked: 0,
    ...more,
  };
}
function fresh(): Admission {
  const log = createAdmission({ window_ms: 180_000 });
  for (const mission of ['mission:1', 'mission:2']) assert.equal(log.judges(h(mission), 1), true);
  return log;
}
const operation = (id: string, digest = 'd') => ({ operation: { id: h(id), digest: h(digest) } });

test('a call recorded before the revocation of its passport is admitted, one after it is refused', () => {
  const log = fresh();
  assert.equal(log.apply(attempt('a', { checked: 1 }), at(2)).admitted, true);
  log.fence('revoked', [h('line:1')], fenceAt(3));
  const verdict = log.apply(attempt('b', { checked: 1 }), at(4));
  assert.deepEqual(verdict, { admitted: false, reason: 'revoked', target: h('line:1'), fence_seq: 3 });
});

test('a passport whose answer was taken after the revocation is judged by the answer, not by the fence', () => {
  const log = fresh();
  log.fence('revoked', [h('agent:1')], fenceAt(3));
  assert.equal(log.apply(attempt('a', { checked: 3 }), at(5)).admitted, true);
});

test('revoking a parent refuses the call of its child', () => {
  const log = fresh();
  log.fence('revoked', [h('line:root')], fenceAt(3));
  const child = attempt('a', {
    chain: [
      { line: h('line:2'), agent: h('agent:2') },
      { line: h('line:root'), agent: h('agent:1') },
    ],
  });
  assert.equal(log.apply(child, at(4)).admitted, false);
});

test('a narrowing refuses nothing here: release asks again', () => {
  const log = fresh();
  log.fence('narrowed', [h('grant:1')], fenceAt(3));
  assert.equal(log.apply(attempt('a'), at(4)).admitted, true);
  assert.equal(log.lastFence('narrowed', [h('grant:1'), h('other')]), 3);
});

test('an entry that landed after its time is refused', () => {
  assert.deepEqual(fresh().apply(attempt('a', { until: 99 }), at(5, 100)), { admitted: false, reason: 'late' });
});

test('entries of a closed boot are refused', () => {
  const log = fresh();
  log.apply({ kind: 'boot_closed', boot }, at(1, 10, h('boot:2')));
  assert.deepEqual(log.apply(attempt('a'), at(2)), { admitted: false, reason: 'boot_closed' });
  assert.equal(log.apply(attempt('b'), at(3, 30, h('boot:2'))).admitted, true);
});

test('a single-use JWT is used once, by a call or by a control write, whoever came first', () => {
  const log = fresh();
  assert.equal(log.apply({ kind: 'assertion', jwt: h('j'), until: 1_000_000 }, at(1)).admitted, true);
  assert.deepEqual(log.apply(attempt('a', { jwt: h('j') }), at(2)), { admitted: false, reason: 'jwt_replayed' });
});

test('a refused entry uses up its JWT but not its operation', () => {
  const log = fresh();
  log.fence('ended', [h('jti:1')], fenceAt(1));
  assert.equal(log.apply(attempt('a', { jwt: h('j'), ...operation('o') }), at(2)).admitted, false);
  assert.deepEqual(log.apply(attempt('b', { checked: 1, jwt: h('j') }), at(3)), { admitted: false, reason: 'jwt_replayed' });
  assert.equal(log.apply(attempt('c', { checked: 1, ...operation('o') }), at(4)).admitted, true);
});

test('a JWT is forgotten only after it can no longer be valid', () => {
  const log = fresh();
  const jwt = h('j');
  assert.equal(log.apply({ kind: 'assertion', jwt, until: 1e9 }, at(1, 1_000)).admitted, true);
  log.apply({ kind: 'assertion', jwt: h('k'), until: 1e9 }, at(2, 40_000));
  assert.equal(log.apply({ kind: 'assertion', jwt, until: 1e9 }, at(3, 75_000)).admitted, false);
});

test('an operation is admitted once for a mission, and says how the first one stands', () => {
  const log = fresh();
  assert.equal(log.apply(attempt('a', operation('o')), at(1)).admitted, true);
  const running = log.apply(attempt('b', operation('o')), at(2));
  assert.deepEqual(running, { admitted: false, reason: 'operation', operation: { digest: h('d'), state: 'running' } });
  log.apply({ kind: 'closing', attempt: h('a'), sent: true, outcome: 'success' }, at(3));
  assert.equal(log.operation([h('mission:1')], h('o'))?.state, 'success');
  assert.equal(log.apply(attempt('c', { missions: [h('mission:2')], ...operation('o') }), at(4)).admitted, true);
});

test('a closing without a byte sent frees the operation; only the first closing counts', () => {
  const log = fresh();
  log.apply(attempt('a', operation('o')), at(1));
  log.apply({ kind: 'closing', attempt: h('a'), sent: false, outcome: 'failure' }, at(2));
  assert.equal(log.apply(attempt('b', operation('o')), at(3)).admitted, true);
  log.apply({ kind: 'closing', attempt: h('a'), sent: false, outcome: 'failure' }, at(4));
  assert.equal(log.apply(attempt('c', operation('o')), at(5)).admitted, false);
});

test('an attempt that was given up before it landed is refused and holds nothing', () => {
  const log = fresh();
  log.apply({ kind: 'closing', attempt: h('a'), sent: false, outcome: 'denied' }, at(1));
  assert.deepEqual(log.apply(attempt('a', operation('o')), at(2)), { admitted: false, reason: 'given_up' });
  assert.equal(log.apply(attempt('b', operation('o')), at(3)).admitted, true);
});

test('the sweeper finds what a boot left open', () => {
  const log = fresh();
  log.apply(attempt('a'), at(1));
  log.apply(attempt('b'), at(2));
  log.apply({ kind: 'closing', attempt: h('a'), sent: true, outcome: 'success' }, at(3));
  assert.deepEqual(
    log.open(boot).map((one) => one.id),
    [h('b')],
  );
});

const cap = (limit: number, more: Partial<Cap> = {}): Cap => ({ mission: 0, kind: 'actions', limit, behaviour: 'deny', ...more });

test('an approval is consumed by the first admitted call, also when no byte was sent', () => {
  const log = fresh();
  const approval = h('approval:1');
  assert.equal(log.apply(attempt('a', { approval }), at(1)).admitted, true);
  log.apply({ kind: 'closing', attempt: h('a'), sent: false, outcome: 'failure' }, at(2));
  assert.deepEqual(log.apply(attempt('b', { approval }), at(3)), { admitted: false, reason: 'approval' });
});

test('a refused call consumes no approval', () => {
  const log = fresh();
  const approval = h('approval:1');
  log.fence('ended', [h('jti:1')], fenceAt(1));
  assert.equal(log.apply(attempt('a', { approval }), at(2)).admitted, false);
  assert.equal(log.apply(attempt('b', { approval, checked: 1 }), at(3)).admitted, true);
});

test('a cap of two admits two calls; a call that sent nothing makes room for another', () => {
  const log = fresh();
  const caps = [cap(2)];
  assert.equal(log.apply(attempt('a', { caps }), at(1)).admitted, true);
  assert.equal(log.apply(attempt('b', { caps }), at(2)).admitted, true);
  assert.deepEqual(log.apply(attempt('c', { caps }), at(3)), { admitted: false, reason: 'cap', cap: 'max_actions', limit: 2, used: 2 });
  log.apply({ kind: 'closing', attempt: h('c'), sent: false, outcome: 'denied' }, at(4));
  assert.equal(log.apply(attempt('d', { caps }), at(5)).admitted, false);
  log.apply({ kind: 'closing', attempt: h('a'), sent: true, outcome: 'success' }, at(6));
  log.apply({ kind: 'closing', attempt: h('b'), sent: false, outcome: 'failure' }, at(7));
  assert.equal(log.apply(attempt('e', { caps }), at(8)).admitted, true);
  assert.equal(log.apply(attempt('f', { caps }), at(9)).admitted, false);
});

test('a cap per service counts that service alone, and one that flags lets the call pass', () => {
  const log = fresh();
  const github = [cap(1, { kind: 'actions_per_service', behaviour: 'flag' })];
  assert.deepEqual(log.apply(attempt('a', { caps: github }), at(1)), { admitted: true });
  assert.deepEqual(log.apply(attempt('b', { caps: github, service: h('slack') }), at(2)), { admitted: true });
  assert.deepEqual(log.apply(attempt('c', { caps: github }), at(3)), { admitted: true, over_caps: ['max_actions_per_service'] });
});

test('the calls of a child mission count against its parent', () => {
  const log = fresh();
  const child = { missions: [h('child'), h('mission:1')], caps: [cap(9), cap(2, { mission: 1 })] };
  assert.equal(log.apply(attempt('a', child), at(1)).admitted, true);
  assert.equal(log.apply(attempt('b', { caps: [cap(2)] }), at(2)).admitted, true);
  assert.deepEqual(log.apply(attempt('c', child), at(3)), { admitted: false, reason: 'cap', cap: 'max_actions', limit: 2, used: 2 });
});

test('an entry whose gateway had not read the log for 75 s is refused', () => {
  const log = fresh();
  const late = { until: 1e9, checked: 1 };
  log.apply(attempt('a', { until: 1e9 }), at(1, 1_000));
  log.apply(attempt('b', { until: 1e9, checked: 1 }), at(2, 2_000));
  assert.equal(log.apply(attempt('c', late), at(3, 76_900)).admitted, true);
  assert.deepEqual(log.apply(attempt('d', late), at(4, 78_000)), { admitted: false, reason: 'stale' });
});

test('an instance that started later tells nothing until it has read 75 s, and nothing of a mission whose beginning it has not read', () => {
  const log = createAdmission({ window_ms: 180_000, start_seq: 10, since_ms: 100_000 });
  const young = { until: 1e9, checked: 12 };
  const unknown = { admitted: false, reason: 'unknown' };
  assert.deepEqual(log.apply(attempt('a', young), at(11, 100_500)), unknown);
  assert.deepEqual(log.apply(attempt('b', young), at(12, 176_000)), { admitted: true });
  assert.deepEqual(log.apply(attempt('c', { ...young, ...operation('o') }), at(13, 176_100)), unknown);
  assert.equal(log.judges(h('mission:1'), 9), false);
  assert.equal(log.judges(h('mission:1'), 11), false, 'an entry of the first 75 s may belong to it');
  assert.equal(log.judges(h('mission:1'), 12), true);
  assert.equal(log.operation([h('mission:1')], h('o'))?.state, 'running');
});

test('an entry that was written before anything that was read here may have been refused by what was not', () => {
  const log = createAdmission({ window_ms: 180_000, start_seq: 10, since_ms: 100_000 });
  const old = { until: 1e9, checked: 8 };
  assert.deepEqual(log.apply(attempt('a', old), at(11, 400_000)), { admitted: false, reason: 'unknown' });
  assert.deepEqual(log.apply(attempt('b', { ...old, checked: 9 }), at(12, 400_000)), { admitted: true });
});

test('tables may be ahead of what was read here: entries up to there are in them already', () => {
  const log = fresh();
  const mission = h('mission:1');
  const counts = [{ mission, kind: 'actions' as const, service: null, used: 1 }];
  assert.equal(log.loadMission(mission, { ...EMPTY_TABLE, counts }, 5), true);
  assert.deepEqual(log.apply(attempt('a', { caps: [cap(2)] }), at(5)), { admitted: false, reason: 'unknown' });
  assert.equal(log.apply(attempt('b', { caps: [cap(2)] }), at(6)).admitted, true);
  assert.equal(log.apply(attempt('c', { caps: [cap(2)] }), at(7)).admitted, false);
});

test('tables from audit are completed by what the window kept', () => {
  const log = createAdmission({ window_ms: 180_000, start_seq: 10, since_ms: 1_000 });
  const more = { until: 1e9, checked: 20 };
  const caps = [cap(3)];
  log.apply(attempt('old', { ...more, ...operation('old'), caps }), at(21, 100_000));
  log.apply(attempt('new', { ...more, ...operation('new'), caps }), at(22, 100_000));
  log.apply({ kind: 'closing', attempt: h('before'), sent: false, outcome: 'failure' }, at(23, 100_000));
  const mission = h('mission:1');
  const counts = [{ mission, kind: 'actions' as const, service: null }];
  const open = [
    { attempt: h('old'), mission, operation: { id: h('old'), digest: h('d') }, counts },
    { attempt: h('before'), mission, operation: { id: h('before'), digest: h('d') }, counts },
  ];
  const table = {
    ...EMPTY_TABLE,
    operations: ['old', 'before', 'done'].map((id) => ({
      mission,
      id: h(id),
      digest: h('d'),
      state: id === 'done' ? ('success' as const) : ('running' as const),
    })),
    approvals: [{ mission, id: h('approval:1') }],
    counts: [{ mission, kind: 'actions' as const, service: null, used: 2 }],
    open,
  };
  assert.equal(log.loadMission(mission, table, 8), false, 'older than what this instance has read');
  assert.equal(log.loadMission(mission, table, 21), true);
  const states = ['old', 'new', 'before', 'done'].map((id) => log.operation([mission], h(id))?.state ?? null);
  assert.deepEqual(states, ['running', 'running', null, 'success']);
  assert.equal(log.apply(attempt('x', { ...more, caps, approval: h('approval:1') }), at(24, 100_001)).admitted, false);
  assert.equal(log.apply(attempt('y', { ...more, caps }), at(25, 100_002)).admitted, true);
  assert.equal(log.apply(attempt('z', { ...more, caps }), at(26, 100_003)).admitted, false);
});

test('tables that nobody asked for in ten minutes are dropped', () => {
  const log = fresh();
  const own = { until: 1e9, checked: 5 };
  assert.equal(log.apply(attempt('a', { ...own, ...operation('o') }), at(6, 1_000)).admitted, true);
  log.apply({ kind: 'none' }, at(7, 700_000));
  assert.equal(log.sizes().families, 0);
  assert.equal(log.judges(h('mission:1'), 1), true, 'the window still holds its beginning');
  assert.equal(log.operation([h('mission:1')], h('o'))?.state, 'running');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash12 } from '@sallyport/contracts/target.ts';
import { type Admission, createAdmission } from '../src/admit.ts';
import { type AttemptEntry, type Hash, hashOf } from '../src/entry.ts';

const h = (text: string): Hash => hashOf(hash12(text));
const boot = h('boot:1');
const at = (seq: number, ts_ms = seq * 10, of = boot) => ({ seq, index: 0, ts_ms, boot: of });

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
const fresh = (): Admission => createAdmission({ window_ms: 180_000 });
const operation = (id: string, digest = 'd') => ({ operation: { id: h(id), digest: h(digest) } });

test('a call recorded before the revocation of its passport is admitted, one after it is refused', () => {
  const log = fresh();
  assert.equal(log.apply(attempt('a', { checked: 1 }), at(2)).admitted, true);
  log.fence('revoked', [h('line:1')], { seq: 3, ts_ms: 30 });
  const verdict = log.apply(attempt('b', { checked: 1 }), at(4));
  assert.deepEqual(verdict, { admitted: false, reason: 'revoked', target: h('line:1'), fence_seq: 3 });
});

test('a passport whose answer was taken after the revocation is judged by the answer, not by the fence', () => {
  const log = fresh();
  log.fence('revoked', [h('agent:1')], { seq: 3, ts_ms: 30 });
  assert.equal(log.apply(attempt('a', { checked: 3 }), at(5)).admitted, true);
});

test('revoking a parent refuses the call of its child', () => {
  const log = fresh();
  log.fence('revoked', [h('line:root')], { seq: 3, ts_ms: 30 });
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
  log.fence('narrowed', [h('grant:1')], { seq: 3, ts_ms: 30 });
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
  log.fence('ended', [h('jti:1')], { seq: 1, ts_ms: 10 });
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
  assert.deepEqual(running, { admitted: false, reason: 'operation', operation: { attempt: h('a'), digest: h('d'), state: 'running' } });
  log.apply({ kind: 'closing', attempt: h('a'), sent: true, outcome: 'success' }, at(3));
  assert.equal(log.operation(h('mission:1'), h('o'))?.state, 'success');
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

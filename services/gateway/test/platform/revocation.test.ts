import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, type TestPlatform, withPlatform, type Worker } from './platform.ts';

let platform: TestPlatform;
before(async () => {
  platform = await withPlatform();
  await platform.startGateway();
});
after(() => platform.stop());

const GET = { method: 'GET', url: 'https://api.github.com/user' };

test('given a revocation, the next call on every gateway is refused and the call in flight is cut', async () => {
  const worker = await platform.setUp();
  for (const gateway of platform.gateways) assert.equal((await worker.call(GET, { gateway })).status, 200);
  const flying = worker.call({ method: 'POST', url: 'https://api.github.com/hold', body: {} });
  await eventually(() => platform.upstream.waiting() > 0);
  const revoked = await platform.api('POST', '/v1/passports/revoke', { jti: worker.passport.jti, reason: 'off-script' });
  assert.equal(revoked.status, 200, JSON.stringify(revoked.body));
  assert.equal(revoked.body.propagation.gateways, 2);
  const heard = platform.upstream.heard.length;
  for (const gateway of platform.gateways) {
    const { status, body } = await worker.call(GET, { gateway });
    assert.deepEqual([status, body.error.code, body.error.metadata.reason], [401, 'PASSPORT_REVOKED', 'off-script']);
  }
  const cut = await flying;
  assert.deepEqual([cut.status, cut.body.error.code, cut.body.error.metadata.upstream_may_have_completed], [401, 'PASSPORT_REVOKED', true]);
  assert.match(cut.body.error.metadata.attempt_entry_id, /^aud_/);
  assert.equal(platform.upstream.heard.length, heard);
  platform.upstream.letGo();
});

test('given two gateways that read the log, both are named in the answer to a revocation', async () => {
  // A revocation waits half a second for them: one that did not get to run within it is not among them.
  await eventually(async () => {
    const { passport } = await platform.setUp();
    const { body } = await platform.api('POST', '/v1/passports/revoke', { jti: passport.jti });
    assert.deepEqual([body.propagation.gateways, body.propagation.acknowledged], [2, 2]);
  });
});

test('given an owner that does not answer, a revoked passport is refused with the reason that stands in the log', async () => {
  const worker = await platform.setUp();
  assert.equal((await worker.call(GET)).status, 200);
  const reason = 'nächtlicher Zugriff\r\nSp-Targets: none';
  assert.equal((await platform.api('POST', '/v1/passports/revoke', { jti: worker.passport.jti, reason })).status, 200);
  await pauseProcess(platform.passports.pid);
  try {
    const { status, body } = await worker.call(GET);
    assert.deepEqual([status, body.error.code, body.error.metadata.reason], [401, 'PASSPORT_REVOKED', reason]);
  } finally {
    process.kill(platform.passports.pid, 'SIGCONT');
  }
});

test('given a refusal that revokes an enforced passport, its next calls are held, and without detectors get no further', async () => {
  const heldWorker = async (): Promise<Worker> => {
    const worker = await platform.setUp({ summary: 'Triage open issues in acme/sandbox' });
    const outside = await worker.call({ method: 'GET', url: 'https://api.github.com/repos/acme/other/issues' });
    assert.deepEqual([outside.status, outside.body.error.metadata.reason], [403, 'resource_out_of_scope']);
    return worker;
  };
  const held = await (await heldWorker()).call(GET);
  assert.deepEqual([held.status, held.body.error.code], [503, 'DETECTOR_LAG']);
  // Half a second may be over before the revocation of a slow machine is read: then the same with another one.
  const woken: string[] = [];
  await eventually(async () => {
    const worker = await heldWorker();
    const waiting = worker.call(GET);
    assert.equal((await platform.api('POST', '/v1/passports/revoke', { jti: worker.passport.jti })).status, 200);
    woken.push((await waiting).body.error.code);
    assert.equal((await worker.call(GET)).body.error.code, 'PASSPORT_REVOKED');
    return woken.at(-1) === 'PASSPORT_REVOKED';
  });
  assert.deepEqual(new Set(woken.slice(0, -1)).difference(new Set(['DETECTOR_LAG'])), new Set());
});

test('given a service outside the scope, the answer names what is in it', async () => {
  const worker = await platform.setUp();
  const { status, body } = await worker.call({ ...GET, service: 'notion' });
  assert.deepEqual(
    [status, body.error.metadata.reason, body.error.metadata.intent_services, body.error.metadata.granted_providers],
    [403, 'service_out_of_scope', ['github'], ['github']],
  );
});

test('given an ended mission, a suspended agent and a frozen operator, calls are refused with the reason', async () => {
  const [done, suspended, frozen] = [await platform.setUp(), await platform.setUp(), await platform.setUp()];
  for (const worker of [done, suspended, frozen]) assert.equal((await worker.call(GET)).status, 200);
  assert.equal(
    (await platform.api('POST', `/v1/passports/${done.passport.jti}/checkout`, {}, { authorization: `Bearer ${done.jwt()}` })).status,
    200,
  );
  assert.deepEqual((await done.call(GET)).body.error.metadata.reason, 'checked_out');
  assert.equal((await platform.api('PATCH', `/v1/agents/${suspended.agent_id}`, { status: 'suspended' })).status, 200);
  assert.equal((await suspended.call(GET)).body.error.code, 'PASSPORT_REVOKED');
  assert.equal((await platform.api('POST', '/v1/operator/freeze', { reason: 'drill' })).status, 200);
  assert.deepEqual((await frozen.call(GET)).body.error.metadata.reason, 'operator_frozen');
  assert.equal((await platform.api('POST', '/v1/operator/unfreeze', { reason: 'drill over' })).status, 200);
  assert.equal((await frozen.call(GET)).status, 200);
});

test('given the log is gone, calls are refused and the upstream hears nothing; once it is back, calls pass', async () => {
  const worker = await platform.setUp();
  assert.equal((await worker.call(GET)).status, 200);
  const heard = platform.upstream.heard.length;
  const call = (): Promise<Answer> => worker.call(GET, { once: true });
  await pauseProcess(platform.nats.pid);
  try {
    const refused = await Promise.all([call(), call()]);
    const isKnown = async (): Promise<boolean> => {
      refused.push(await call());
      return refused.at(-1)?.body.error?.code === 'REVOCATION_STATE_STALE';
    };
    await eventually(isKnown);
    for (const { status, body } of refused)
      assert.ok(status === 503 && ['AUDIT_UNAVAILABLE', 'REVOCATION_STATE_STALE'].includes(body.error.code), JSON.stringify(body));
    assert.equal((await call()).body.error.code, 'REVOCATION_STATE_STALE');
  } finally {
    process.kill(platform.nats.pid, 'SIGCONT');
  }
  assert.equal(platform.upstream.heard.length, heard);
  await eventually(async () => (await call()).status === 200);
});

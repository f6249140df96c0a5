import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyPassport } from '@sallyport/passport-verify/passport.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type AgentKey, enrol, type Platform, platform, PUBLIC_URL, record, register, start, verify } from './support/platform.ts';

let on: Platform;
before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
});
after(() => on.stop());

test('given a fresh platform, when it was bootstrapped, then the token is gone, the key works and there is no second time', async () => {
  await assert.rejects(stat(join(on.secretsDir, 'bootstrap-token')));
  assert.match(on.key(), /^sk_live_op_[0-9a-hjkmnp-tv-z]{59}$/);
  const operator = await on.call('operator.get');
  assert.equal(operator['name'], 'Acme');
  const body = { bootstrap_token: 'x', operator_name: 'B', owner_email: 'b@example.com', owner_name: 'B' };
  const again = await on.denied('operator.bootstrap', { body, bearer: { kind: 'none' } });
  assert.equal(again.metadata?.['reason'], 'already_bootstrapped');
  assert.equal((await stat(join(on.secretsDir, 'signing-wrapping-key'))).mode & 0o777, 0o600);
});

test('given an agent with its own key, when it walks from mission to checkout, then every step says what the specification says', async () => {
  const connection = await on.connect('github');
  const agentId = await register(on, { accountability_mode: 'enforced' });
  const { key, answer } = await enrol(on, agentId);
  assert.equal(answer['rotated'], false);
  const bearer = (): ReturnType<AgentKey['bearer']> => key.bearer(agentId);

  const body = {
    agent_id: agentId,
    mission: { intent_summary: 'Triage open issues in acme/sandbox', intent_services: ['github'], max_actions: 5 },
    passport: { checkpoint_interval_seconds: 300 },
  };
  const reply = await on.reply('missions.start', { body, bearer: bearer() });
  assert.equal(reply.status, 201);
  assert.ok((reply.event_seq ?? 0) > 0);
  const started = record(reply.body);
  const passport = record(started['passport']);
  const { jti, token } = passport;
  assert.deepEqual(passport['services'], ['github']);
  assert.equal(passport['next_checkpoint_by'], passport['expires_at']);

  const keys = record((await on.reply('passports.jwks', { bearer: { kind: 'none' } })).body)['keys'];
  assert.ok(Array.isArray(keys));
  const jwk = record(keys[0]);
  const offline = verifyPassport(String(token), {
    keys: new Map([[String(jwk['kid']), { kty: 'OKP', crv: 'Ed25519', x: String(jwk['x']) }]]),
    issuer: PUBLIC_URL,
    now_seconds: Math.floor(Date.now() / 1000),
  });
  assert.ok(offline.ok);
  assert.equal(offline.claims.cnf?.jkt, answer['kid']);
  const [service] = offline.claims.stk.services;
  assert.equal(service?.connection_id, connection.id);
  assert.equal(service?.credential_ref, connection.credential_ref);
  assert.deepEqual(service?.resources, ['acme/sandbox']);

  const online = await on.call('passports.verify', { body: { token, service_id: 'github' }, bearer: { kind: 'none' } });
  assert.deepEqual([online['valid'], online['service_in_scope'], record(online['claims'])['jti']], [true, true, jti]);
  const resolved = await on.call('passport.resolve', { body: { operator_id: on.operatorId(), jti, min_seq: reply.event_seq } });
  assert.equal(record(resolved['passport'])['state'], 'live');
  assert.ok(Number(record(resolved['passport'])['position']) >= (reply.event_seq ?? 0));
  assert.deepEqual(Object.keys(record(resolved['access'])), [connection.id]);

  const params = { jti: String(jti) };
  const report = { services_used: ['github'], actions_count: 1, tool_calls: [{ service: 'github', method: 'GET' }] };
  const checkpoint = await on.call('passports.checkpoint', { params, body: report, bearer: bearer() });
  assert.ok(String(checkpoint['new_expires_at']) >= String(passport['expires_at']));
  assert.deepEqual([checkpoint['flags'], checkpoint['checkpoint'], checkpoint['revoked']], [[], 1, false]);
  assert.equal((await on.denied('passports.checkpoint', { params, body: report, bearer: bearer() })).code, 'RATE_LIMITED');
  assert.equal((await verify(on, checkpoint['token']))['valid'], true);
  assert.equal((await verify(on, token))['valid'], true);

  const out = await on.call('passports.checkout', { params, body: { summary: 'done' }, bearer: bearer() });
  assert.equal(out['ended_by'], 'checkout');
  assert.equal(out['mission_id'], started['mission_id']);
  // No detectors run here: the review is pending.
  assert.deepEqual([out['review_status'], out['reviewed']], ['flagged', false]);
  const again = await on.call('passports.checkout', { params, body: { summary: 'other' }, bearer: bearer() });
  assert.deepEqual(again, out);
  assert.deepEqual(await verify(on, token), { valid: false, code: 'PASSPORT_REVOKED', reason: 'checked_out', jti });
  const late = await on.denied('passports.checkpoint', { params, body: report, bearer: bearer() });
  assert.deepEqual([late.code, late.metadata?.['reason']], ['PASSPORT_REVOKED', 'checked_out']);

  const id = String(started['mission_id']);
  const mission = await on.call('missions.get', { params: { id } });
  assert.deepEqual([mission['status'], mission['jtis'], mission['accountability']], ['open', [jti], 'enforced']);
  assert.equal(mission['claim_id'], started['claim_id']);
  const done = await on.call('missions.complete', { params: { id }, body: {}, bearer: bearer() });
  assert.deepEqual([done['terminal_state'], done['transitioned']], ['completed_successful', true]);
  assert.equal((await on.call('missions.complete', { params: { id } }))['transitioned'], false);
  const ended = await on.denied('passports.issue', { body: { agent_id: agentId, mission_ids: [id] }, bearer: bearer() });
  assert.equal(ended.code, 'MISSION_ENDED');
  assert.ok(ended.message.startsWith(`Mission ${id} is completed`));
  await eventually(async () => {
    const shown = await on.call('missions.get', { params: { id } });
    assert.deepEqual([shown['outcome'], record(shown['counts'])['checkpoints']], ['success', 1]);
  });
});

test('given an idempotency key, when a mission is started twice, then there is one passport and one token', async () => {
  const agentId = await register(on);
  const body = { agent_id: agentId, mission: { intent_summary: 'Once', idempotency_key: 'run-1' } };
  const first = await on.reply('missions.start', { body });
  const second = await on.reply('missions.start', { body });
  assert.deepEqual(second.body, first.body);
  assert.equal(second.headers?.['Idempotency-Replayed'], 'true');
  const other = { ...body, mission: { ...body.mission, intent_summary: 'Twice' } };
  assert.equal((await on.denied('missions.start', { body: other })).code, 'IDEMPOTENCY_KEY_REUSED');
});

test('given another agent, when it asks for what is not its own, then it is not there, and acting for others is refused', async () => {
  const [mine, theirs] = [await register(on), await register(on)];
  const { key } = await enrol(on, mine);
  const bearer = key.bearer(mine);
  const { passport, mission_id } = await start(on, theirs);
  const jti = String(passport['jti']);
  assert.equal((await on.denied('agents.get', { params: { id: theirs }, bearer })).code, 'NOT_FOUND');
  assert.equal((await on.denied('passports.get', { params: { jti }, bearer })).code, 'NOT_FOUND');
  assert.equal((await on.denied('missions.get', { params: { id: mission_id }, bearer })).code, 'NOT_FOUND');
  for (const [operation, body] of [
    ['passports.revoke', { jti }],
    ['passports.issue', { agent_id: theirs }],
    ['missions.open', { agent_id: theirs, intent_summary: 'x' }],
  ] as const) {
    assert.equal((await on.denied(operation, { body, bearer })).metadata?.['reason'], 'own_objects_only');
  }
  assert.equal((await on.denied('agents.get', { params: { id: 'agt_nonsense' } })).code, 'NOT_FOUND');
});

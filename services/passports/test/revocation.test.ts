import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { append } from '@sallyport/bus/append.ts';
import { type Follower, follow } from '@sallyport/bus/follow.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { apiKeyHash } from '@sallyport/contracts/api-key.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Body, enrol, newId, type Platform, platform, record, register, start, verify } from './support/platform.ts';

let on: Platform;
let follower: Follower;
const facts: { seq: number; subject: string; fact: Fact; fence: string | undefined }[] = [];

before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
  const bus = await on.bus('passports');
  follower = follow(bus, {
    name: 'test',
    filters: ['ledger.>'],
    start_seq: 1,
    on_message: (entry) => {
      for (const fact of entry.facts()) facts.push({ seq: entry.seq, subject: entry.subject, fact, fence: entry.header('Sp-Fence') });
    },
  });
});
after(async () => {
  await follower.stop();
  await on.stop();
});

const ofType = (type: string): Fact[] => facts.filter(({ fact }) => fact.type === type).map(({ fact }) => fact);
const active = async (query: Body): Promise<unknown[]> => {
  const { body } = await on.reply('passports.active', { query });
  assert.ok(Array.isArray(body));
  return body;
};

test('given a live passport, when it is revoked, then it is dead at once, with one fact and one fence, and a second time changes nothing', async () => {
  const { passport, mission_id } = await start(on, await register(on));
  const jti = String(passport['jti']);
  const revoked = await on.call('passports.revoke', { body: { jti, reason: 'off-script' } });
  assert.deepEqual([revoked['type'], revoked['jti'], revoked['reason'], revoked['already_revoked']], ['single', jti, 'off-script', false]);
  assert.deepEqual(record(revoked['propagation'])['gateways'], 0);
  assert.deepEqual(await verify(on, passport['token']), { valid: false, code: 'PASSPORT_REVOKED', reason: 'off-script', jti });
  await eventually(() => facts.some(({ fence }) => fence === `revoked passport ${jti}`));
  const again = await on.reply('passports.revoke', { body: { jti } });
  assert.equal(record(again.body)['already_revoked'], true);
  assert.equal(again.event_seq, undefined);
  assert.equal((await on.call('missions.get', { params: { id: mission_id } }))['status'], 'open');
  const out = await on.call('passports.checkout', { params: { jti }, body: {} });
  assert.equal(out['ended_by'], 'revoked');
});

test('given an agent with passports, when they are revoked and it is blocked, then each is explained, implicit missions end and no more are issued', async () => {
  const agentId = await register(on);
  const first = await start(on, agentId);
  const implicit = await on.call('passports.issue', { body: { agent_id: agentId, intent: 'Look around' } });
  await on.counted();
  const revoked = await on.call('passports.revoke_agent', { params: { agent_id: agentId }, body: { block_agent: true } });
  assert.deepEqual([revoked['revoked_count'], revoked['cascaded_count']], [2, 0]);
  for (const token of [first.passport['token'], implicit['token']]) assert.equal((await verify(on, token))['code'], 'PASSPORT_REVOKED');
  await eventually(() => {
    const explained = ofType('passport.revoke_cascaded').map(({ jti }) => jti);
    return explained.includes(String(first.passport['jti'])) && explained.includes(String(implicit['jti']));
  });
  await eventually(async () => {
    const mission = await on.call('missions.get', { params: { id: String(implicit['mission_id']) } });
    assert.deepEqual([mission['implicit'], mission['status']], [true, 'revoked']);
  });
  assert.equal((await on.call('missions.get', { params: { id: first.mission_id } }))['status'], 'open');
  const blocked = await on.denied('passports.issue', { body: { agent_id: agentId, intent: 'Again' } });
  assert.deepEqual([blocked.code, blocked.metadata?.['reason']], ['PASSPORT_BLOCKED', 'operator']);
  await eventually(async () => (await active({ agent_id: agentId })).length === 0);
  await on.counted();
  const repeated = await on.call('passports.revoke_agent', { params: { agent_id: agentId }, body: {} });
  assert.equal(repeated['already_revoked'], true);
  const agent = await on.call('agents.unblock', { params: { id: agentId }, body: {} });
  assert.equal(agent['passport_blocked'], false);
  assert.equal((await verify(on, (await start(on, agentId)).passport['token']))['valid'], true);
});

test('given a session, when it is revoked, then its passport is dead and an unknown session is not found', async () => {
  const { passport } = await start(on, await register(on));
  const session_id = String(passport['session_id']);
  await on.counted();
  const revoked = await on.call('passports.revoke_session', { params: { session_id }, body: { reason: 'odd' } });
  assert.deepEqual([revoked['session_id'], revoked['revoked_count']], [session_id, 1]);
  assert.equal((await verify(on, passport['token']))['reason'], 'odd');
  await on.counted();
  assert.equal((await on.denied('passports.revoke_session', { params: { session_id: newId('session') }, body: {} })).code, 'NOT_FOUND');
});

test('given an enrolled agent, when it is enrolled again, suspended and deleted, then each kills its passports and deletion ends missions and frees the key', async () => {
  const agentId = await register(on);
  const { key, answer } = await enrol(on, agentId);
  const before = await start(on, agentId);
  await on.counted();
  const again = await enrol(on, agentId);
  assert.deepEqual([again.answer['rotated'], again.answer['revoked_count']], [true, 1]);
  assert.notEqual(again.answer['kid'], answer['kid']);
  assert.equal((await verify(on, before.passport['token']))['reason'], 'Agent key rotated');
  assert.equal(
    (await on.denied('agents.get', { params: { id: agentId }, bearer: key.bearer(agentId) })).metadata?.['reason'],
    'bad_signature',
  );
  const other = await register(on);
  const { challenge, challenge_id } = await on.call('agents.enrolment_challenge', { params: { id: other } });
  const proof = { public_key: again.key.jwk, challenge_id, signed_challenge: again.key.sign(String(challenge)) };
  assert.equal((await on.denied('agents.enrol', { params: { id: other }, body: proof })).metadata?.['reason'], 'in_use');

  const live = await start(on, agentId);
  await on.call('agents.update', { params: { id: agentId }, body: { status: 'suspended' } });
  assert.equal((await verify(on, live.passport['token']))['reason'], 'Agent suspended');
  const refused = await on.denied('passports.issue', { body: { agent_id: agentId, intent: 'x' } });
  assert.equal(refused.metadata?.['reason'], 'agent_suspended');
  await on.call('agents.update', { params: { id: agentId }, body: { status: 'active' } });
  const last = await start(on, agentId);
  await on.counted();
  const deleted = await on.call('agents.delete', { params: { id: agentId } });
  assert.deepEqual([deleted['deleted'], deleted['revoked_count']], [true, 1]);
  assert.equal((await on.denied('agents.get', { params: { id: agentId } })).code, 'NOT_FOUND');
  assert.equal((await verify(on, last.passport['token']))['valid'], false);
  await eventually(async () => (await on.call('missions.get', { params: { id: last.mission_id } }))['status'] === 'revoked');
  assert.equal((await on.call('agents.enrol', { params: { id: other }, body: proof }))['kid'], again.answer['kid']);
  assert.equal((await on.denied('agents.enrol', { params: { id: other }, body: proof })).metadata?.['reason'], 'challenge_used');
});

test('given a signal that revokes, when it is raised, then the passport dies by it, and a replayed signal meets nothing', async () => {
  const { passport } = await start(on, await register(on));
  const { jti, agent_id, session_id, mission_id } = passport;
  const more = { jti: String(jti), agent_id: String(agent_id), session_id: String(session_id), mission_id: String(mission_id) };
  const raise = (effect: string): Promise<number> => {
    const id = newId('security_event');
    const data = {
      signal_id: id,
      detector: 'credential_outside_scope',
      code: 'service',
      severity: 'critical',
      mode: 'enforced',
      effect,
      effect_reason: 'credential_outside_scope_fire: service',
      dry_run: false,
    };
    return on.write('detectors', 'signal', id, [{ type: 'signal.raised', data, more }]);
  };
  await raise('revoke');
  await eventually(async () => (await verify(on, passport['token']))['reason'] === 'credential_outside_scope_fire: service');
  const count = (): number => ofType('passport.revoked').filter((fact) => fact.data['target'] === session_id).length;
  await raise('revoke_session');
  await eventually(() => count() === 1);
  assert.equal(ofType('passport.revoked').filter((fact) => fact.jti === jti).length, 1);
});

test('given a passport that holds a connection, when that is disconnected, then the passport dies', async () => {
  const connection = await on.connect('slack');
  const agentId = await register(on);
  const { passport } = await start(on, agentId, { intent_services: ['slack'] });
  assert.deepEqual(passport['services'], ['slack']);
  const bus = await on.bus('vault');
  const operator_id = on.operatorId();
  const fact: Fact = {
    id: newId('event'),
    type: 'service.disconnected',
    v: 1,
    at: 1,
    operator_id,
    actor: { type: 'service', id: 'vault' },
    data: { connection_id: connection.id, provider: 'slack' },
  };
  await append(bus, [{ subject: aggregateSubject(operator_id, 'connection', connection.id), facts: [fact], id: newId('event') }]);
  const asked = await on.call('connection.revoke_holders', { body: { operator_id, connection_id: connection.id } });
  assert.ok(Number(asked['revoked_count']) <= 1);
  await eventually(async () => (await verify(on, passport['token']))['reason'] === 'Service disconnected');
});

test('given a mission of one second, when its time is over, then passport and mission end by themselves, and use says expired', async () => {
  const { passport, mission_id } = await start(on, await register(on), { expires_in_seconds: 1 });
  const jti = String(passport['jti']);
  await eventually(() => ofType('passport.lapsed').some((fact) => fact.jti === jti && fact.data['reason'] === 'deadline'));
  await eventually(() => ofType('mission.expired').some((fact) => fact.mission_id === mission_id));
  assert.equal((await verify(on, passport['token']))['code'], 'PASSPORT_EXPIRED');
  const late = await on.denied('passports.checkpoint', { params: { jti }, body: { services_used: [], actions_count: 0 } });
  assert.equal(late.code, 'PASSPORT_EXPIRED');
  assert.match(
    (await on.denied('passports.issue', { body: { agent_id: passport['agent_id'], mission_ids: [mission_id] } })).message,
    /has expired/,
  );
  assert.equal((await on.call('passports.checkout', { params: { jti }, body: {} }))['ended_by'], 'lapsed');
  assert.equal((await on.call('passports.revoke', { body: { jti } }))['already_revoked'], false);
});

test('given an enforced passport, when a checkpoint names an undeclared service, then it is revoked by its own report', async () => {
  const { passport } = await start(on, await register(on));
  const jti = String(passport['jti']);
  const said = await on.call('passports.checkpoint', { params: { jti }, body: { services_used: ['github', 'notion'], actions_count: 2 } });
  assert.deepEqual([said['revoked'], said['token'], said['flags']], [true, null, ['credential_outside_scope']]);
  assert.equal((await verify(on, passport['token']))['reason'], 'credential_outside_scope_fire: checkpoint_declared');
  await eventually(() => ofType('passport.use_refused').length >= 1);
});

test('given the operator, when everything is revoked and frozen, then nothing is issued until it is unfrozen', async () => {
  const agentId = await register(on);
  const { passport, mission_id } = await start(on, agentId);
  await on.counted();
  const revoked = await on.call('passports.revoke_all', { body: { reason: 'stop', freeze: true } });
  assert.equal(revoked['type'], 'bulk_operator');
  assert.ok(Number(revoked['revoked_count']) >= 1);
  assert.equal((await verify(on, passport['token']))['reason'], 'stop');
  const frozen = await on.denied('passports.issue', { body: { agent_id: agentId, mission_ids: [mission_id] } });
  assert.deepEqual([frozen.code, frozen.metadata?.['reason']], ['PASSPORT_BLOCKED', 'operator_frozen']);
  assert.equal((await on.denied('missions.open', { body: { intent_summary: 'x' } })).code, 'PASSPORT_BLOCKED');
  assert.equal((await on.call('operator.get'))['frozen_reason'], 'stop');
  await on.call('operator.unfreeze', { body: { reason: 'over' } });
  const again = await on.call('passports.issue', { body: { agent_id: agentId, mission_ids: [mission_id] } });
  assert.equal((await verify(on, again['token']))['valid'], true);
});

test('given a key, when it is rotated with grace, then both work; when without, then only the newest does', async () => {
  const bearer = (key: unknown): { kind: 'key'; sha256: string } => ({ kind: 'key', sha256: apiKeyHash(String(key)) });
  const second = (await on.call('operator.rotate_key', { body: { grace_seconds: 600 } }))['api_key'];
  await on.call('operator.get');
  await on.call('operator.get', { bearer: bearer(second) });
  const third = (await on.call('operator.rotate_key', { body: {}, bearer: bearer(second) }))['api_key'];
  assert.equal((await on.denied('operator.get')).code, 'INVALID_API_KEY');
  assert.equal((await on.denied('operator.get', { bearer: bearer(second) })).code, 'INVALID_API_KEY');
  await on.call('operator.get', { bearer: bearer(third) });
  const text = JSON.stringify(facts.map(({ fact }) => fact));
  for (const key of [on.key(), String(second), String(third)]) assert.ok(!text.includes(key) && !text.includes(apiKeyHash(key)));
});

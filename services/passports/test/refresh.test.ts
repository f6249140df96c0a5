import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { missionOpened, passportIssued } from '@sallyport/contracts/facts/passports.ts';
import { type Follower, follow } from '@sallyport/bus/follow.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Body, enrol, newId, type Platform, platform, record, register, start, verify } from './support/platform.ts';
import { resign } from './support/signing.ts';

let on: Platform;
let follower: Follower;
const facts: Fact[] = [];
const HOUR = 3_600_000;

before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
  await on.connect('github');
  follower = follow(await on.bus('passports'), {
    name: 'test',
    filters: ['ledger.>'],
    start_seq: 1,
    on_message: (entry) => {
      facts.push(...entry.facts());
    },
  });
});
after(async () => {
  await follower?.stop();
  await on?.stop();
});

const refresh = (passport: Body, more: Body = {}): Promise<Body> =>
  on.call('passports.refresh', { body: { token: passport['token'], ...more } });
const denied = async (passport: Body): Promise<[string, unknown]> => {
  const { code, metadata } = await on.denied('passports.refresh', { body: { token: passport['token'] } });
  return [code, metadata?.['reason']];
};

/** The same passport and mission as if all of it had happened so much earlier; only the log knows. */
async function aged(agentId: string, hours: number, mission: Body): Promise<{ passport: Body; mission_id: string }> {
  const made = await start(on, agentId, mission, { ttl_seconds: 900 });
  const find = async (): Promise<{ opened: Body; issued: Body }> => {
    const opened = facts.map((fact) => dataOf(missionOpened, fact)).find((data) => data?.mission_id === made.mission_id);
    const issued = facts.map((fact) => dataOf(passportIssued, fact)).find((data) => data?.jti === made.passport['jti']);
    assert.ok(opened && issued);
    return { opened, issued };
  };
  const { opened, issued } = await eventually(find);
  const [mission_id, jti] = [newId('mission'), newId('passport')];
  const back = hours * HOUR;
  const earlier = (data: Body, fields: string[]): Body => Object.fromEntries(fields.map((field) => [field, Number(data[field]) - back]));
  const older = { ...opened, mission_id, ...earlier(opened, ['opened_at_ms', 'expires_at_ms']) };
  const times = earlier(issued, ['issued_at_ms', 'expires_at_ms', 'deadline_ms']);
  const data = { ...issued, jti, line: jti, mission_id, ...times };
  const more = { agent_id: agentId, session_id: String(issued['session_id']), mission_id };
  const added = { jti, line: jti, session_id: issued['session_id'], agent_id: agentId, accountability: issued['mode'] };
  await on.write('passports', 'mission', mission_id, [
    { type: 'mission.opened', data: older, more },
    { type: 'mission.passport_added', data: added, more },
  ]);
  await on.write('passports', 'passport', jti, [{ type: 'passport.issued', data, more: { ...more, jti } }]);
  const token = await resign(on.signing, String(made.passport['token']), (claims) => ({
    ...claims,
    jti,
    stk: { ...record(claims['stk']), mission_ids: [mission_id] },
  }));
  return { passport: { ...made.passport, jti, token }, mission_id };
}

test('given a logged passport, when it is refreshed, then the old jti is superseded, scope and mission stay, and its time begins anew', async () => {
  const agentId = await register(on, { accountability_mode: 'logged' });
  const { passport, mission_id } = await start(on, agentId, { expires_in_seconds: 7200 });
  const next = await refresh(passport, { ttl_seconds: 3600 });
  assert.equal(next['superseded'], passport['jti']);
  assert.notEqual(next['jti'], passport['jti']);
  for (const field of ['mission_id', 'session_id', 'services', 'agent_id', 'delegation_depth'])
    assert.deepEqual(next[field], passport[field]);
  assert.ok(String(next['expires_at']) > String(passport['expires_at']));
  assert.deepEqual(await verify(on, passport['token']), {
    valid: false,
    code: 'PASSPORT_REVOKED',
    reason: 'superseded',
    jti: passport['jti'],
  });
  assert.equal((await verify(on, next['token']))['valid'], true);
  assert.equal((await on.call('passports.get', { params: { jti: String(passport['jti']) } }))['status'], 'superseded');
  assert.deepEqual(await denied(passport), ['PASSPORT_REVOKED', 'superseded']);
  const mission = await on.call('missions.get', { params: { id: mission_id } });
  assert.deepEqual(mission['jtis'], [passport['jti'], next['jti']]);
  await eventually(async () => {
    const { body } = await on.reply('passports.active', { query: { mission_id } });
    assert.deepEqual(
      (body as Body[]).map(({ jti }) => jti),
      [next['jti']],
    );
  });
});

test('given an enforced passport, when it is refreshed, then its next checkpoint stays where it was, also over several, and one moves it', async () => {
  const { passport } = await start(on, await register(on));
  const once = await refresh(passport);
  const twice = await refresh(once);
  for (const next of [once, twice]) {
    assert.equal(next['expires_at'], passport['expires_at']);
    assert.equal(next['next_checkpoint_by'], passport['next_checkpoint_by']);
  }
  const moved = await on.call('passports.checkpoint', {
    params: { jti: String(twice['jti']) },
    body: { services_used: [], actions_count: 0 },
  });
  assert.ok(String(moved['new_expires_at']) > String(passport['expires_at']));
  const soon = await on.denied('passports.checkpoint', {
    params: { jti: String(twice['jti']) },
    body: { services_used: [], actions_count: 0 },
  });
  assert.deepEqual([soon.code, (soon.retry_after ?? 0) > 0], ['RATE_LIMITED', true]);
  const dead = await on.denied('passports.checkpoint', {
    params: { jti: String(once['jti']) },
    body: { services_used: [], actions_count: 0 },
  });
  assert.deepEqual([dead.code, dead.metadata?.['reason']], ['PASSPORT_REVOKED', 'superseded']);
});

test('given a refreshed passport, when the superseded jti is revoked, then its successor and all below it die, and the rows say so', async () => {
  const [agentId, childId] = await Promise.all([register(on), register(on)]);
  const { passport } = await start(on, agentId);
  const child = await on.call('passports.delegate', { body: { parent_passport_token: passport['token'], child_agent_id: childId } });
  const next = await refresh(passport);
  assert.equal((await verify(on, child['token']))['valid'], true);
  const later = await on.call('passports.delegate', { body: { parent_passport_token: next['token'], child_agent_id: childId } });
  await on.counted();
  const revoked = await on.call('passports.revoke', { body: { jti: passport['jti'], reason: 'stop' } });
  assert.deepEqual(revoked['cascaded'], [next['jti'], child['jti'], later['jti']]);
  for (const { token } of [next, child, later]) assert.equal((await verify(on, token))['reason'], 'stop');
  assert.equal((await on.call('passports.get', { params: { jti: String(passport['jti']) } }))['status'], 'revoked');
  await eventually(
    () => facts.filter(({ type, data }) => type === 'passport.revoke_cascaded' && data['root'] === passport['jti']).length === 3,
  );
  assert.equal((await on.call('passports.revoke', { body: { jti: next['jti'] } }))['already_revoked'], true);
});

test('given a grant that was narrowed, when the passport is refreshed, then the new one has what is left, and a withdrawn one is gone', async () => {
  const slack = await on.connect('slack', { default_access: 'none' });
  const agentId = await register(on, { accountability_mode: 'logged' });
  const grant = (body: Body): Promise<Body> => on.call('grants.put', { params: { id: agentId, connection_id: slack.id }, body });
  await grant({ scopes: ['repo', 'read'] });
  const { passport } = await start(on, agentId, { intent_services: [] });
  const rule = { path: 'method', op: 'eq', value: 'GET' };
  await grant({ scopes: ['read'], constraints: [rule] });
  const next = await refresh(passport);
  const [, payload = ''] = String(next['token']).split('.');
  const [service] = JSON.parse(Buffer.from(payload, 'base64url').toString()).stk.services;
  assert.deepEqual([service.scopes, service.constraints], [['read'], [rule]]);
  await on.call('grants.remove', { params: { id: agentId, connection_id: slack.id } });
  assert.deepEqual((await refresh(next))['services'], []);
});

test('given a mission that is over, when its passport is refreshed, then it is told in the words that the client reads, before its own state', async () => {
  const agentId = await register(on, { accountability_mode: 'logged' });
  for (const [call, body, state] of [
    ['missions.complete', {}, 'completed'],
    ['missions.revoke', { reason: 'operator_initiated_clean' }, 'revoked'],
  ] as const) {
    const { passport, mission_id } = await start(on, agentId);
    await on.call(call, { params: { id: mission_id }, body });
    const refusal = await on.denied('passports.refresh', { body: { token: passport['token'] } });
    assert.deepEqual([refusal.code, refusal.metadata], ['MISSION_ENDED', { mission_id, mission_state: state }]);
    assert.ok(refusal.message.startsWith(`Mission ${mission_id} is ${state}`));
  }
});

test('given a logged passport hours after its expiry, when its mission lives, then it is refreshed; after that, or a day later, or enforced, it is not', async () => {
  const agentId = await register(on, { accountability_mode: 'logged' });
  const late = await aged(agentId, 10, { expires_in_seconds: 86_400 });
  assert.equal((await verify(on, late.passport['token']))['code'], 'PASSPORT_EXPIRED');
  const next = await refresh(late.passport);
  assert.equal((await verify(on, next['token']))['valid'], true);
  const over = await aged(agentId, 10, { expires_in_seconds: 3600 });
  assert.equal((await denied(over.passport))[0], 'MISSION_ENDED');
  const enforced = await aged(await register(on), 10, { expires_in_seconds: 86_400 });
  assert.equal((await denied(enforced.passport))[0], 'PASSPORT_EXPIRED');
});

test('given an agent, when it refreshes its own, then it may, also twice with one key at once, and not those of others nor when it is blocked', async () => {
  const [mine, other] = await Promise.all([register(on, { accountability_mode: 'logged' }), register(on)]);
  const [{ key }, { key: otherKey }] = await Promise.all([enrol(on, mine), enrol(on, other)]);
  const { passport } = await start(on, mine);
  const foreign = await on.denied('passports.refresh', { body: { token: passport['token'] }, bearer: otherKey.bearer(other) });
  assert.deepEqual([foreign.code, foreign.metadata?.['reason']], ['FORBIDDEN', 'own_objects_only']);
  const both = await Promise.all(
    ['a', 'b'].map(() => on.answer('passports.refresh', { body: { token: passport['token'] }, bearer: key.bearer(mine) })),
  );
  assert.equal(both.filter(({ ok }) => ok).length, 1);
  const [won] = both.filter((answer) => answer.ok);
  assert.ok(won?.ok);
  await on.call('passports.revoke_agent', { params: { agent_id: mine }, body: { block_agent: true } });
  assert.deepEqual(await denied(record(won.reply.body)), ['PASSPORT_BLOCKED', 'operator']);
});

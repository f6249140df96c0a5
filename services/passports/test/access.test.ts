import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { type Body, type Platform, platform, record, register, start } from './support/platform.ts';

let on: Platform;
before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
});
after(() => on.stop());

const sandbox = { path: 'url.pathname', op: 'starts_with', value: '/repos/acme/sandbox/' };
const list = (value: unknown): Body[] => {
  assert.ok(Array.isArray(value));
  return value;
};
const servicesOf = (passport: Body): Body[] => {
  const claims = JSON.parse(Buffer.from(String(passport['token']).split('.')[1] ?? '', 'base64url').toString('utf8'));
  return list(record(record(claims)['stk'])['services']);
};

test('given a grant with rules and a named intent, when a passport is issued, then the token holds all of them, expanded', async () => {
  const connection = await on.connect('github', { baseline_constraints: [{ path: 'url.host', op: 'eq', value: 'api.github.com' }] });
  const agentId = await register(on);
  const grant = await on.call('grants.put', {
    params: { id: agentId, connection_id: connection.id },
    body: {
      scopes: ['repo'],
      constraints: [sandbox],
      any_intents: [{ name: 'github:issues:list', params: { owner: 'acme', repo: 'sandbox' } }],
      allow_data_from: ['slack'],
    },
  });
  assert.deepEqual([grant['version'], grant['approval'], grant['constraints']], [1, 'never', [sandbox]]);
  const { passport } = await start(on, agentId, {}, { scopes: [{ service: 'github', constraints: [sandbox] }] });
  const [service] = servicesOf(passport);
  assert.deepEqual(service?.['scopes'], ['repo']);
  assert.deepEqual(
    list(service?.['constraints']).map(({ path }) => path),
    ['url.host', 'url.pathname'],
  );
  assert.equal(list(service?.['any_of']).length, 1);
  assert.deepEqual(service?.['allow_data_from'], ['slack']);

  const beyond = { scopes: [{ service: 'github', scopes: ['admin'] }] };
  assert.equal((await on.denied('missions.start', missionOf(agentId, beyond))).code, 'SCOPE_ESCALATION');
  const flows = { scopes: [{ service: 'github', allow_data_from: ['notion'] }] };
  assert.equal((await on.denied('missions.start', missionOf(agentId, flows))).code, 'SCOPE_ESCALATION');
  const missing = await on.denied('missions.start', missionOf(agentId, { services: ['stripe'] }));
  assert.deepEqual([missing.metadata?.['reason'], missing.metadata?.['services']], ['service_not_granted', ['stripe']]);
  const misspelt = { scopes: [{ service: 'github', constraint: [] }] };
  assert.equal((await on.denied('missions.start', missionOf(agentId, misspelt))).code, 'INVALID_REQUEST');

  const { body } = await on.reply('passport.resolve', { body: { operator_id: on.operatorId(), jti: passport['jti'], min_seq: 0 } });
  const access = record(record(record(body)['access'])[connection.id]);
  assert.equal(record(access['grant'])['explicit'], true);
  await on.call('grants.remove', { params: { id: agentId, connection_id: connection.id } });
  const after = await on.call('passport.resolve', { body: { operator_id: on.operatorId(), jti: passport['jti'], min_seq: 0 } });
  assert.equal(record(after['passport'])['state'], 'live');
  assert.equal(record(record(after['access'])[connection.id])['grant'], null);
  const permissions = await on.call('agents.permissions', { params: { id: agentId } });
  assert.deepEqual(permissions['grants'], []);
  assert.ok(!list(permissions['implicit']).some(({ connection_id }) => connection_id === connection.id));
});

function missionOf(agentId: string, passport: Body): { body: Body } {
  return { body: { agent_id: agentId, mission: { intent_summary: 'Triage', intent_services: [] }, passport } };
}

test('given implicit access, when services are not named, then they are not in the passport, and a baseline always is', async () => {
  await on.connect('slack', { baseline_constraints: [{ path: 'method', op: 'eq', value: 'GET' }] });
  const agentId = await register(on);
  const none = await on.call('missions.start', missionOf(agentId, {}));
  assert.deepEqual(record(none['passport'])['services'], []);
  const named = await on.call('missions.start', missionOf(agentId, { services: ['slack'] }));
  const [service] = servicesOf(record(named['passport']));
  assert.deepEqual(service?.['constraints'], [{ path: 'method', op: 'eq', value: 'GET' }]);
});

test('given access, when it is revoked, then grants are gone, passports are dead and nothing is reachable', async () => {
  const connection = await on.connect('notion');
  const agentId = await register(on);
  await on.call('services.grant', { body: { agent_id: agentId, service_connection_id: connection.id, scopes: ['read'] } });
  await start(on, agentId);
  await on.counted();
  const answer = await on.call('services.revoke_access', { params: { agent_id: agentId } });
  assert.deepEqual([answer['removed'], answer['revoked_count']], [1, 1]);
  const permissions = await on.call('agents.permissions', { params: { id: agentId } });
  assert.deepEqual([permissions['grants'], permissions['implicit']], [[], []]);
  assert.deepEqual((await on.call('agents.get', { params: { id: agentId } }))['allowed_connections'], []);
  const bad = { agent_id: agentId, service_connection_id: connection.id, scopes: ['nope'] };
  assert.equal((await on.denied('services.grant', { body: bad })).code, 'INVALID_REQUEST');
});

test('given many agents, when they are listed by pages, then each comes once, newest first, and status and name filter', async () => {
  for (let n = 0; n < 5; n++) await register(on, { name: 'paged' });
  const seen: unknown[] = [];
  let cursor: string | undefined;
  await eventually(async () => {
    const { body } = await on.reply('agents.list', { query: { name: 'paged' } });
    return Array.isArray(body) && body.length === 5;
  });
  do {
    const { body, headers } = await on.reply('agents.list', { query: { name: 'paged', limit: 2, ...(cursor && { cursor }) } });
    assert.ok(Array.isArray(body));
    seen.push(...body.map((agent) => record(agent)['id']));
    cursor = headers?.['X-Next-Cursor'];
  } while (cursor);
  assert.equal(new Set(seen).size, 5);
  assert.deepEqual(seen, seen.toSorted().reverse());
  assert.equal((await on.denied('agents.list', { query: { cursor: 'nonsense' } })).code, 'INVALID_REQUEST');
});

test('given missions, when they are listed, then state, agent and page filter, and open ones are those that live', async () => {
  const agentId = await register(on);
  const { mission_id } = await start(on, agentId);
  await on.call('missions.open', { body: { agent_id: agentId, intent_summary: 'Later' } });
  await on.call('missions.revoke', { params: { id: mission_id }, body: { reason: 'adversarial', notes: 'odd' } });
  await eventually(async () => {
    const listed = (query: Body): Promise<Body[]> =>
      on.call('missions.list', { query: { agent_id: agentId, ...query } }).then(({ items }) => list(items));
    assert.equal((await listed({})).length, 2);
    const [revoked] = await listed({ status: 'revoked' });
    assert.deepEqual([revoked?.['mission_id'], revoked?.['terminal_state']], [mission_id, 'revoked_adversarial']);
    assert.equal((await listed({ status: 'open', limit: 1, page: 2 })).length, 0);
  });
});

test('given missions and modes, when an issue breaks their rules, then it is refused by the right code', async () => {
  const agentId = await register(on);
  const other = await register(on);
  const opened = await on.call('missions.open', {
    body: { agent_id: agentId, intent_summary: 'Narrow', intent_services: ['github'], max_actions: 3 },
  });
  assert.deepEqual(opened['caps'], { max_actions: 3 });
  const mission_ids = [opened['mission_id']];
  const wide = { agent_id: agentId, mission_ids, intent: { summary: 'x', services: ['slack'] } };
  assert.equal((await on.denied('passports.issue', { body: wide })).code, 'SCOPE_ESCALATION');
  assert.equal((await on.denied('passports.issue', { body: { agent_id: other, mission_ids } })).metadata?.['reason'], 'mission_agent');
  assert.equal((await on.denied('passports.issue', { body: { agent_id: agentId } })).code, 'ACCOUNTABILITY_REQUIRED');
  const unknown = await on.denied('passports.issue', { body: { agent_id: agentId, mission_ids: ['ms_nothing'] } });
  assert.deepEqual([unknown.code, unknown.status], ['MISSION_ENDED', 404]);
  const lower = { agent_id: agentId, intent: 'x', accountability_mode: 'standard' };
  assert.equal((await on.denied('passports.issue', { body: lower })).code, 'INVALID_REQUEST');
  const twoForms = { agent_id: agentId, intent: 'one', intent_description: 'two' };
  assert.equal((await on.denied('passports.issue', { body: twoForms })).code, 'INVALID_REQUEST');
  const long = { agent_id: agentId, intent_summary: 'x', expires_in_seconds: 86_400 };
  await on.call('agents.update', { params: { id: agentId }, body: { max_mission_seconds: 3600 } });
  assert.equal((await on.denied('missions.open', { body: long })).code, 'INVALID_REQUEST');
  const unassigned = await on.call('missions.open', { body: { intent_summary: 'Anyone' } });
  await on.call('passports.issue', { body: { agent_id: other, mission_ids: [unassigned['mission_id']] } });
  assert.equal((await on.call('missions.get', { params: { id: String(unassigned['mission_id']) } }))['agent_id'], other);
});

test('given a standard passport, when it checks points or out, then checkpoints are not available and the checkout is clean without review', async () => {
  const agentId = await register(on, { accountability_mode: 'standard' });
  const passport = await on.call('passports.issue', { body: { agent_id: agentId } });
  assert.equal(passport['next_checkpoint_by'], null);
  const params = { jti: String(passport['jti']) };
  const refused = await on.denied('passports.checkpoint', { params, body: { services_used: [], actions_count: 0 } });
  assert.equal(refused.code, 'CHECKPOINT_NOT_AVAILABLE');
  const out = await on.call('passports.checkout', { params, body: { summary: 'Mission failed: timeout' } });
  assert.deepEqual([out['review_status'], out['reviewed'], out['flags']], ['clean', false, []]);
  const mission = await on.call('missions.get', { params: { id: String(passport['mission_id']) } });
  assert.deepEqual([mission['implicit'], mission['status'], mission['terminal_state']], [true, 'completed', 'completed_successful']);
});

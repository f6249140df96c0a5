/** Agents from registration to deletion (api.md §5), and what a member's `allowed_connections` bind (§3.2). */
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentBlocked } from '@sallyport/contracts/facts/identity.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrol, enrolledAgent, startMission } from '../support/agent.ts';
import { type Answer, type Api, readSince, why } from '../support/api.ts';
import { openDatabase } from '../support/database.ts';
import { writeFacts } from '../support/host.ts';
import { newEmail, type TestOperator, testPlatform } from '../support/platform.ts';
import { startUpstream } from '../support/upstream.ts';

const platform = testPlatform();
const ISSUES = 'https://api.github.com/repos/acme/sandbox/issues';
const OUTSIDE = [403, 'FORBIDDEN', 'connection_not_allowed'];

async function ok(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await answer;
  assert.ok(status < 300, JSON.stringify(body));
  return body;
}

const register = (api: Api, fields: Record<string, unknown> = {}): Promise<Answer['body']> =>
  ok(api('POST', '/v1/agents/register', { name: 'an-agent', ...fields }));

test('given a registration, then presets, defaults and bounds are those of the specification', async () => {
  const { api } = await platform.newOperator();
  const plain = await register(api);
  assert.deepEqual(
    [
      plain.accountability_mode,
      plain.credential_access,
      plain.key_mode,
      plain.bind_resources,
      plain.description,
      plain.allowed_connections,
    ],
    ['enforced', 'proxy_only', 'stack_managed', 'auto', '', null],
  );
  const bot = await register(api, { profile: 'proxied-llm-bot' });
  assert.deepEqual([bot.accountability_mode, bot.credential_access, bot.bind_resources], ['logged', 'proxy_only', 'off']);
  const beside = await register(api, {
    profile: 'proxied-llm-bot',
    accountability_mode: 'standard',
    icon_url: 'data:image/png;base64,AAAA',
  });
  assert.deepEqual([beside.accountability_mode, beside.icon_url], ['standard', 'data:image/png;base64,AAAA']);
  const bad: Record<string, unknown>[] = [
    { profile: 'other' },
    { name: 'a' },
    { name: '-ab' },
    { name: 'Ab' },
    { name: 'a'.repeat(65) },
    { description: 'x'.repeat(257) },
    { icon_url: 'javascript:alert(1)' },
    { max_mission_seconds: 3599 },
    { allowed_connections: ['github'] },
  ];
  for (const fields of bad) {
    assert.equal((await api('POST', '/v1/agents/register', { name: 'an-agent', ...fields })).status, 400, JSON.stringify(fields));
  }
  assert.equal(
    (await api('POST', '/v1/agents/register', { name: 'an-agent', allowed_connections: ['scon_01kt16jrg8edqrb018tr4sjm6r'] })).status,
    404,
  );
});

test('36. agents are listed by status and name, and page by page each once', async () => {
  const { api } = await platform.newOperator();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await register(api, { name: i === 0 ? 'the-first' : 'an-agent' })).id);
  const gone = await register(api);
  await ok(api('DELETE', `/v1/agents/${gone.id}`));
  const last = await api('PATCH', `/v1/agents/${ids[4]}`, { status: 'suspended' });
  assert.equal(last.status, 200, JSON.stringify(last.body));
  const list = async (query: string): Promise<string[]> =>
    (await ok(readSince(api, `/v1/agents${query}`, last))).map((one: { id: string }) => one.id);
  assert.deepEqual(await list(''), ids);
  assert.deepEqual(await list('?status=suspended'), [ids[4]]);
  assert.deepEqual(await list('?status=deleted'), [gone.id]);
  assert.deepEqual(await list('?name=the-first'), [ids[4]]);
  const paged: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Answer = await readSince(api, `/v1/agents?limit=2${cursor && `&cursor=${cursor}`}`, last);
    paged.push(...page.body.map((one: { id: string }) => one.id));
    cursor = page.headers.get('x-next-cursor');
  }
  assert.deepEqual(paged, ids);
});

test('given 10,000 live agents, then one more is refused, and a deleted one makes room', async () => {
  const { api, operator_id } = await platform.newOperator();
  const database = await openDatabase(platform.constellation);
  try {
    // The count is the read model's: rows in it stand for ten thousand registrations.
    await database.query(
      `insert into passports.agent (agent_id, operator_id, name, status, state)
       select $1 || n, $1, 'x', 'active', '{}' from generate_series(1, 10000) n`,
      [operator_id],
    );
    const refused = await api('POST', '/v1/agents/register', { name: 'one-more' });
    assert.deepEqual([refused.status, refused.body.error.metadata.fields[0].rule], [400, 'too_many_agents']);
    await database.query(`update passports.agent set status = 'deleted' where agent_id = $1 || 1`, [operator_id]);
    await register(api);
  } finally {
    await database.query('delete from passports.agent where operator_id = $1', [operator_id]);
    await database.end();
  }
});

test('5. re-enrolment replaces the key, revokes live passports, and the next request of the old key is 401', async () => {
  const { api } = await platform.newOperator();
  const agent = await enrolledAgent(api);
  const { passport } = await startMission(api, agent.id, { intent_services: [] });
  const self = (jwt: string): Promise<Answer> => platform.api(jwt)('GET', `/v1/agents/${agent.id}`);
  assert.equal((await self(agent.jwt())).status, 200);
  const renewed = await enrol(api, agent.id);
  assert.deepEqual(why(await self(agent.jwt())), [401, 'UNAUTHORIZED', 'bad_signature']);
  assert.equal((await self(renewed.jwt())).status, 200);
  const verified = await platform.api()('POST', '/v1/passports/verify', { token: passport.token });
  assert.equal(verified.body.valid, false, JSON.stringify(verified.body));
  const row = await eventually(async () => {
    const { entries } = await ok(api('GET', `/v1/audit?agent_id=${agent.id}&limit=100`));
    return entries.find(({ action }: { action: string }) => action === 'passport.revoke') ?? false;
  });
  assert.deepEqual([row.metadata.kind, row.metadata.reason], ['bulk_agent', 'Agent key rotated']);
});

test('given an agent that is suspended, then its passports are revoked and it gets no other; active again, it does', async () => {
  const { api } = await platform.newOperator();
  const { id } = await register(api);
  const { passport } = await startMission(api, id, { intent_services: [] });
  assert.equal((await ok(api('PATCH', `/v1/agents/${id}`, { status: 'suspended' }))).status, 'suspended');
  const read = await ok(api('GET', `/v1/passports/${passport.jti}`));
  assert.equal(read.status, 'revoked', JSON.stringify(read));
  const mission = { agent_id: id, mission: { intent_summary: 'More work' } };
  assert.deepEqual(why(await api('POST', '/v1/missions/start', mission)), [403, 'FORBIDDEN', 'agent_suspended']);
  await ok(api('PATCH', `/v1/agents/${id}`, { status: 'active' }));
  await ok(api('POST', '/v1/missions/start', mission));
});

test('given an agent that is deleted, then passports and missions end, its id answers 404, and its key is free for another', async () => {
  const { api } = await platform.newOperator();
  const pair = generateKeyPairSync('ed25519');
  const { kty, crv, x } = pair.publicKey.export({ format: 'jwk' });
  const enrolWithPair = async (id: string): Promise<Answer> => {
    const { challenge, challenge_id } = await ok(api('POST', `/v1/agents/${id}/enrollment-challenge`));
    const signed_challenge = sign(null, Buffer.from(challenge), pair.privateKey).toString('base64url');
    return api('POST', `/v1/agents/${id}/enroll`, { public_key: { kty, crv, x }, challenge_id, signed_challenge });
  };
  const { id } = await register(api);
  const other = await register(api);
  await ok(enrolWithPair(id));
  assert.deepEqual(why(await enrolWithPair(other.id)), [409, 'CONFLICT', 'in_use']);
  const { mission_id, passport } = await startMission(api, id, { intent_services: [] });
  await eventually(async () => assert.equal((await ok(api('GET', `/v1/passports/active?agent_id=${id}`))).length, 1));
  assert.deepEqual(await ok(api('DELETE', `/v1/agents/${id}`)), { id, deleted: true, revoked_count: 1, cascaded_count: 0 });
  for (const [method, path] of [
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/unblock'],
    ['POST', '/enrollment-challenge'],
    ['GET', '/permissions'],
  ] as const) {
    assert.equal((await api(method, `/v1/agents/${id}${path}`, method === 'PATCH' ? {} : undefined)).status, 404, `${method} ${path}`);
  }
  assert.equal((await ok(api('GET', `/v1/passports/${passport.jti}`))).status, 'revoked');
  await eventually(async () => (await ok(api('GET', `/v1/missions/${mission_id}`))).status === 'revoked');
  await ok(enrolWithPair(other.id));
});

test('given a block by a warning, then a standard member lifts it; nobody signed in is asked for', async () => {
  const acme = await platform.newOperator();
  const standard = await acme.memberKey('standard');
  const { id } = await register(acme.api);
  const subject = aggregateSubject(acme.operator_id, 'agent', id);
  await writeFacts(await platform.bus('passports'), subject, acme.operator_id, [
    draft(agentBlocked, { reason: 'review_block: warnings', by: 'warning' }, { agent_id: id }),
  ]);
  assert.equal((await ok(acme.api('GET', `/v1/agents/${id}`))).passport_blocked, true);
  const lifted = await ok(standard.api('POST', `/v1/agents/${id}/unblock`, { comment: 'looked at it' }));
  assert.deepEqual([lifted.passport_blocked, lifted.passport_blocked_reason, lifted.passport_blocked_at], [false, null, null]);
});

/** Two GitHub connections and a Slack one; a member for GitHub by slug, one for the second GitHub connection by id. */
async function limited(
  upstream: string,
): Promise<{ acme: TestOperator; github: string; second: string; slack: string; slug: Api; byId: Api }> {
  const acme = await platform.newOperator();
  const github = (await connectGithub(acme.api, upstream)).id;
  const second = (await connectGithub(acme.api, upstream)).id;
  const slack = (await ok(acme.api('POST', '/v1/services/connect', { service_id: 'slack', oauth_token: 'xoxb', scopes: ['chat:write'] })))
    .id;
  const [slug, byId] = [await acme.memberKey('standard', ['github']), await acme.memberKey('standard', [second])];
  return { acme, github, second, slack, slug: slug.api, byId: byId.api };
}

test('given a member with allowed_connections, then lists leave out the rest, and whatever names it is refused', async () => {
  const { acme, github, second, slack, slug, byId } = await limited('http://127.0.0.1:9');
  const made = await acme.api('POST', '/v1/agents/register', { name: 'an-agent' });
  const { id } = made.body;
  const connected = async (api: Api): Promise<string[]> =>
    (await ok(readSince(api, '/v1/services/connected', made))).map((one: { id: string }) => one.id).sort();
  assert.deepEqual(await connected(slug), [github, second].sort());
  assert.deepEqual(await connected(byId), [second]);
  const naming = (connection: string): [method: string, path: string, body?: unknown][] => [
    ['GET', `/v1/services/connections/${connection}`],
    ['PATCH', `/v1/services/connections/${connection}`, { label: 'mine' }],
    ['PUT', `/v1/services/connections/${connection}/credential`, { credential: 'other' }],
    ['DELETE', `/v1/services/${connection}/disconnect`],
    ['PUT', `/v1/agents/${id}/grants/${connection}`, {}],
    ['DELETE', `/v1/agents/${id}/grants/${connection}`],
    ['POST', '/v1/services/grant', { agent_id: id, service_connection_id: connection, scopes: ['repo'] }],
    ['POST', '/v1/agents/register', { name: 'an-agent', allowed_connections: [connection] }],
    ['POST', '/v1/passports/issue', { agent_id: id, intent: 'x', services: [{ service_connection_id: connection }] }],
    ['POST', '/v1/passports/issue', { agent_id: id, intent: 'x', scopes: [{ service_connection_id: connection }] }],
    ['POST', '/v1/missions/start', { agent_id: id, mission: { intent_summary: 'x' }, passport: { services: [connection] } }],
  ];
  for (const [api, connection] of [
    [slug, slack],
    [byId, slack],
    [byId, github],
  ] as const) {
    for (const request of naming(connection)) assert.deepEqual(why(await api(...request)), OUTSIDE, request.join(' '));
  }
  const services: [method: string, path: string, body: unknown][] = [
    ['POST', '/v1/services/connect', { service_id: 'slack', oauth_token: 'xoxb', scopes: ['chat:write'] }],
    ['POST', '/v1/missions', { agent_id: id, intent_summary: 'x', intent_services: ['slack'] }],
    ['POST', '/v1/missions/start', { agent_id: id, mission: { intent_summary: 'x', intent_services: ['slack'] } }],
    ['POST', '/v1/passports/issue', { agent_id: id, intent: { summary: 'x', services: ['slack'] } }],
  ];
  for (const api of [slug, byId]) for (const request of services) assert.deepEqual(why(await api(...request)), OUTSIDE, request.join(' '));
  assert.equal((await ok(acme.api('GET', `/v1/services/connections/${slack}`))).id, slack, 'still there');
  const shown = await ok(byId('GET', `/v1/agents/${id}/permissions`));
  assert.deepEqual(
    shown.implicit.map((one: { connection_id: string }) => one.connection_id),
    [second],
  );
  assert.equal((await ok(byId('PUT', `/v1/agents/${id}/grants/${second}`, {}))).connection_id, second);
});

test('given a member with allowed_connections, then no agent is a way round them', async () => {
  const { acme, github, second, slug, byId } = await limited('http://127.0.0.1:9');
  const wide = await register(acme.api);
  const own = await register(slug);
  assert.deepEqual([...own.allowed_connections].sort(), [github, second].sort());
  assert.deepEqual((await register(byId)).allowed_connections, [second]);
  assert.deepEqual(why(await slug('PATCH', `/v1/agents/${own.id}`, { allowed_connections: null })), OUTSIDE);
  assert.deepEqual(why(await byId('POST', `/v1/agents/${wide.id}/enrollment-challenge`)), OUTSIDE);
  assert.deepEqual(why(await byId('POST', `/v1/agents/${own.id}/enrollment-challenge`)), OUTSIDE);
  await enrol(slug, own.id);
  const { passport } = await startMission(byId, wide.id, { intent_services: ['github'] });
  const { stk } = JSON.parse(Buffer.from(passport.token.split('.')[1], 'base64url').toString());
  assert.deepEqual(
    stk.services.map((one: { connection_id: string }) => one.connection_id),
    [second],
  );
});

test('given a member with allowed_connections, then its key proxies inside of them only, and its invitations go no further', async () => {
  const upstream = await startUpstream();
  try {
    const { acme, github, second, slug, byId } = await limited(upstream.url);
    const { id } = await register(acme.api);
    const { passport } = await startMission(acme.api, id, { intent_services: ['github', 'slack'] });
    const call = (api: Api, service: string): Promise<Answer> =>
      api('POST', '/v1/proxy', { service, method: 'GET', url: ISSUES }, { 'x-passport-token': passport.token });
    assert.equal((await call(slug, github)).status, 200);
    assert.equal((await call(byId, second)).status, 200);
    const before = upstream.seen.length;
    assert.deepEqual(why(await call(byId, github)), OUTSIDE);
    assert.equal(upstream.seen.length, before);

    await ok(acme.api('PATCH', '/v1/operator', { settings: { api_keys_may_approve: true } }));
    const admin = await acme.memberKey('admin', ['github']);
    const invite = (fields: Record<string, unknown>): Promise<Answer> =>
      admin.api('POST', '/v1/team/members', { email: newEmail(), name: 'X', ...fields });
    assert.deepEqual((await ok(invite({}))).allowed_connections, ['github']);
    assert.deepEqual((await ok(invite({ allowed_connections: [second] }))).allowed_connections, [second]);
    assert.deepEqual(why(await invite({ allowed_connections: ['slack'] })), OUTSIDE);
    const wide = await acme.memberKey('standard');
    assert.deepEqual(why(await admin.api('POST', `/v1/team/members/${wide.member_id}/rotate-key`)), OUTSIDE);
    assert.deepEqual(why(await admin.api('PATCH', `/v1/team/members/${admin.member_id}`, { allowed_connections: null })), OUTSIDE);
  } finally {
    await upstream.stop();
  }
});

/** Delegation, revocation and missions over two gateways (api.md §6, §7, §11; acceptance 12, 13, 39, 42, 43, 50). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Answer, type Api, apiOf } from '../support/api.ts';
import {
  assertRevoked,
  callIssues,
  cameTo,
  chainOf,
  counted,
  delegate as delegateAs,
  type HeldPassport,
  outcomeOf,
} from '../support/chains.ts';
import { type TestOperator, testPlatform } from '../support/platform.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const platform = testPlatform({ gateways: 2 });
let acme: TestOperator;
let upstream: Upstream;
let operator: Api;
let agents: TestAgent[];

before(async () => {
  [, upstream] = await Promise.all([platform.ready(), startUpstream()]);
  acme = await platform.newOperator();
  operator = acme.api;
  await connectGithub(operator, upstream.url);
  agents = await Promise.all(
    Array.from({ length: 6 }, (_, i) => enrolledAgent(operator, { name: `agent-${i}`, accountability_mode: 'logged' })),
  );
});
after(async () => {
  await upstream?.stop();
});

async function ok(answer: Promise<Answer>, status = 200): Promise<Answer['body']> {
  const given = await answer;
  assert.equal(given.status, status, JSON.stringify(given.body));
  return given.body;
}
const agent = (at: number): TestAgent => agents[at] ?? assert.fail();

const call = (by: TestAgent, passport: { token: string }, gateway = 0, method = 'GET'): Promise<Answer> =>
  callIssues(platform.gateways[gateway] ?? '', by, passport, method);
const delegate = (parent: { token: string }, child: TestAgent, more: object = {}, by: Api = operator): Promise<Answer> =>
  delegateAs(by, parent, child, more);
const chain = (hops: number, mission: Record<string, unknown> = {}): Promise<HeldPassport[]> =>
  chainOf(operator, agents.slice(0, hops + 1), mission);

async function rows(query: string): Promise<Answer['body'][]> {
  return (await ok(operator('GET', `/v1/audit?limit=100&${query}`))).entries;
}

test('12. four hops pass and call, the fifth is too deep; what is wider or lower is refused, and none outlives what is above it', async () => {
  const passports = await chain(4);
  for (const [hop, passport] of passports.entries())
    assert.deepEqual(await cameTo(() => call(agent(hop), passport, hop % 2)), [200], `hop ${hop}`);
  const last = passports.at(-1) ?? assert.fail();
  assert.equal((await delegate(last, agent(5))).body.error.code, 'DELEGATION_DEPTH_EXCEEDED');
  for (const { expires_at } of passports.slice(1)) assert.ok(expires_at <= (passports[0]?.expires_at ?? ''));
  const [root] = passports;
  assert.ok(root);
  const parent = passports[1] ?? assert.fail();
  const wider = await delegate(parent, agent(5), { scopes: [{ service: 'slack' }] });
  assert.deepEqual(outcomeOf(wider).slice(0, 2), [400, 'SCOPE_ESCALATION']);
  const standard = await enrolledAgent(operator, { name: 'standard', accountability_mode: 'standard' });
  assert.equal((await delegate(parent, standard)).body.error.code, 'DELEGATION_ACCOUNTABILITY_VIOLATION');
  // By the agent itself, from its own passport only.
  assert.equal((await delegate(parent, agent(5), {}, apiOf(platform.baseUrl, agent(1).jwt()))).status, 201);
  assert.deepEqual(outcomeOf(await delegate(parent, agent(5), {}, apiOf(platform.baseUrl, agent(2).jwt()))), [
    403,
    'FORBIDDEN',
    'own_objects_only',
  ]);
  await eventually(async () => assert.equal((await rows(`passport_jti=${parent.jti}&action=passport.delegate&outcome=blocked`)).length, 2));
  const again = { 'idempotency-key': 'delegate-1' };
  const body = { parent_passport_token: root.token, child_agent_id: agent(5).id };
  const [one, two] = [
    await operator('POST', '/v1/passports/delegate', body, again),
    await operator('POST', '/v1/passports/delegate', body, again),
  ];
  assert.deepEqual([two.body, two.headers.get('idempotency-replayed')], [one.body, 'true']);
});

test("12. the parent's constraints, sent again with keys in another order, count once; without them the child has them; a missing one is an escalation", async () => {
  const rules = [{ path: 'method', op: 'eq', value: 'GET' }];
  const { passport } = await startMission(operator, agent(0).id, {}, { scopes: [{ service: 'github', constraints: rules }] });
  const [{ connection_id }] = JSON.parse(Buffer.from(passport.token.split('.')[1], 'base64url').toString()).stk.services;
  const made = async (constraints?: object[]): Promise<Answer> =>
    delegate(passport, agent(1), { scopes: [{ service_connection_id: connection_id, ...(constraints && { constraints }) }] });
  for (const constraints of [undefined, [{ value: 'GET', op: 'eq', path: 'method' }]]) {
    const child = await ok(made(constraints), 201);
    const [service] = JSON.parse(Buffer.from(child.token.split('.')[1], 'base64url').toString()).stk.services;
    assert.deepEqual([service.constraints, service.resources], [rules, []]);
    assert.deepEqual(outcomeOf(await call(agent(1), child, 0, 'POST')), [403, 'FORBIDDEN', 'constraint_failed']);
  }
  assert.equal((await made([{ path: 'url.host', op: 'eq', value: 'api.github.com' }])).body.error.code, 'SCOPE_ESCALATION');
});

test('13. revoking the root of a chain is one fact: all five fail on every gateway, four rows follow, and a second time writes nothing', async () => {
  const passports = await chain(4);
  for (const [hop, passport] of passports.entries())
    for (const gateway of [0, 1]) assert.deepEqual(await cameTo(() => call(agent(hop), passport, gateway)), [200]);
  const [root] = passports;
  const jtis = passports.map(({ jti }) => jti);
  const revoked = await ok(operator('POST', '/v1/passports/revoke', { jti: root?.jti, reason: 'off-script' }));
  assert.deepEqual([revoked.type, revoked.cascaded, revoked.reason], ['single', jtis.slice(1), 'off-script']);
  assert.deepEqual([revoked.propagation.gateways, revoked.propagation.acknowledged], [2, 2]);
  const calls = passports.flatMap((passport, hop) => [0, 1].map((gateway) => () => call(agent(hop), passport, gateway)));
  await assertRevoked(calls, 'off-script');
  await eventually(async () => {
    const cascaded = (await rows('action=passport.revoke_cascade')).filter(({ metadata }) => metadata.root === root?.jti);
    assert.deepEqual(new Set(cascaded.map(({ passport_jti }) => passport_jti)), new Set(jtis.slice(1)));
    assert.equal(cascaded.length, 4);
  });
  const count = async (): Promise<number> =>
    (await rows('action=passport.revoke')).filter(({ passport_jti }) => jtis.includes(passport_jti)).length;
  assert.equal(await count(), 1);
  const again = await operator('POST', '/v1/passports/revoke', { jti: root?.jti });
  assert.deepEqual([again.status, again.body.already_revoked, again.headers.get('x-event-seq')], [200, true, null]);
  assert.equal(await count(), 1);
});

test('13. revoking an agent, a session and everything reaches what was delegated, also from a refreshed passport', async () => {
  const fresh = async (): Promise<HeldPassport[]> => {
    const [root, child] = await chain(1);
    const next = await operator('POST', '/v1/passports/refresh', { token: root?.token });
    assert.equal(next.status, 201, JSON.stringify(next.body));
    await counted(operator, next);
    return [next.body, child ?? assert.fail()];
  };
  const dead = async ([root, child]: HeldPassport[], reason: string): Promise<void> => {
    const met = [root ?? assert.fail(), child ?? assert.fail()];
    const calls = met.flatMap((passport, hop) => [0, 1].map((gateway) => () => call(agent(hop), passport, gateway)));
    await assertRevoked(calls, reason);
  };
  const first = await fresh();
  const byAgent = await ok(operator('POST', `/v1/passports/revoke-agent/${agent(0).id}`, { reason: 'agent' }));
  assert.ok(byAgent.revoked_count >= 1 && byAgent.cascaded_count >= 1);
  await dead(first, 'agent');
  const second = await fresh();
  const bySession = await ok(operator('POST', `/v1/passports/revoke-session/${second[0]?.session_id}`, { reason: 'session' }));
  assert.deepEqual([bySession.type, bySession.revoked_count], ['bulk_session', 2]);
  await dead(second, 'session');
  const third = await fresh();
  const all = await ok(operator('POST', '/v1/passports/revoke-all', { reason: 'all', freeze: true }));
  assert.equal(all.type, 'bulk_operator');
  await dead(third, 'all');
  for (const [path, body] of [
    ['/v1/passports/refresh', { token: third[0]?.token }],
    ['/v1/passports/delegate', { parent_passport_token: third[0]?.token, child_agent_id: agent(2).id }],
  ] as const)
    assert.deepEqual(outcomeOf(await operator('POST', path, body)), [403, 'PASSPORT_BLOCKED', 'operator_frozen']);
  await ok(operator('POST', '/v1/operator/unfreeze', { reason: 'over' }));
});

test('39. revoke-all needs only its path; with freeze no agent issues at any gateway until the freeze is over', async () => {
  const by = agent(4);
  const issue = (gateway: number): Promise<Answer> =>
    apiOf(platform.gateways[gateway] ?? '', by.jwt())('POST', '/v1/passports/issue', {
      agent_id: by.id,
      intent: { summary: 'Triage acme/sandbox', services: ['github'] },
    });
  const first = await ok(issue(0), 201);
  assert.equal((await ok(operator('POST', '/v1/passports/revoke-all'))).revoked, true);
  assert.deepEqual(outcomeOf(await call(by, first, 1)).slice(0, 2), [401, 'PASSPORT_REVOKED']);
  await ok(issue(1), 201);
  await ok(operator('POST', '/v1/passports/revoke-all', { freeze: true }));
  for (const gateway of [0, 1]) assert.deepEqual(outcomeOf(await issue(gateway)), [403, 'PASSPORT_BLOCKED', 'operator_frozen']);
  await ok(operator('POST', '/v1/operator/unfreeze', { reason: 'over' }));
  await ok(issue(1), 201);
});

test('42. completing or revoking a mission stops every passport of it and below it on every gateway; its checkout completes an implicit one', async () => {
  for (const [path, body, state] of [
    ['complete', { output: { merged: 3 } }, 'completed'],
    ['revoke', { reason: 'operator_initiated_clean', notes: 'n'.repeat(5_000) }, 'revoked'],
  ] as const) {
    const [root, child] = await chain(1);
    assert.ok(root && child);
    for (const gateway of [0, 1]) assert.deepEqual(await cameTo(() => call(agent(1), child, gateway)), [200]);
    const ended = await ok(operator('POST', `/v1/missions/${root.mission_id}/${path}`, body));
    assert.deepEqual([ended.transitioned, ended.revoked_count], [true, 2]);
    for (const gateway of [0, 1])
      for (const [at, passport] of [root, child].entries()) {
        const [status, code] = outcomeOf(await call(agent(at), passport, gateway));
        assert.deepEqual([status, code], [401, 'PASSPORT_REVOKED']);
      }
    const again = await ok(
      operator('POST', `/v1/missions/${root.mission_id}/${path}`, { ...(path === 'revoke' && { reason: 'adversarial' }) }),
    );
    assert.deepEqual([again.transitioned, again.terminal_state, again.claim_id], [false, ended.terminal_state, ended.claim_id]);
    await eventually(async () => assert.equal((await ok(operator('GET', `/v1/missions/${child.mission_id}`))).status, 'revoked'));
    const seen = await ok(operator('GET', `/v1/missions/${root.mission_id}`));
    assert.deepEqual([seen.status, seen.children], [state, [child.mission_id]]);
    assert.deepEqual(seen.output, path === 'complete' ? { merged: 3 } : null);
  }
  const issued = await ok(
    operator('POST', '/v1/passports/issue', { agent_id: agent(0).id, intent: 'Look around', services: ['github'] }),
    201,
  );
  const implicit = (): Promise<Answer['body']> => ok(operator('GET', `/v1/missions/${issued.mission_id}`));
  const open = await implicit();
  assert.deepEqual([open.implicit, open.status, issued.expires_at <= open.expires_at], [true, 'open', true]);
  await ok(operator('POST', `/v1/passports/${issued.jti}/checkout`, {}));
  assert.equal((await implicit()).status, 'completed');
});

test('43. a cap of five lets five calls through in all, also by a delegate, at once and over two gateways', async () => {
  const [root, child] = await chain(1, { max_actions: 5 });
  assert.ok(root && child);
  const seen = upstream.seen.length;
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, i) => cameTo(() => call(agent(i % 2), i % 2 ? child : root, Math.floor(i / 2) % 2, 'POST'))),
  );
  const passed = outcomes.filter(([status]) => status === 200).length;
  assert.equal(passed, 5, JSON.stringify(outcomes));
  assert.equal(upstream.seen.length, seen + 5);
  for (const outcome of outcomes.filter(([status]) => status !== 200)) assert.deepEqual(outcome, [403, 'FORBIDDEN', 'mission_cap']);
  const late = await call(agent(1), child);
  assert.deepEqual([late.body.error.metadata.cap, late.body.error.metadata.limit, late.body.error.metadata.used], ['max_actions', 5, 5]);
  await eventually(async () => assert.equal((await ok(operator('GET', `/v1/missions/${root.mission_id}`))).children[0], child.mission_id));
});

test('50. summaries and notes of 5,000 characters are kept to 1,000, and 9 MB of tool calls check out as counts', async () => {
  const { passport, mission_id } = await startMission(operator, agent(0).id);
  const target = 'x'.repeat(9_000);
  const tool_calls = Array.from({ length: 1_000 }, (_, i) => ({ service: 'github', method: i % 2 ? 'read' : 'write', target }));
  const body = { services_used: ['github'], actions_count: 1_000, tool_calls, summary: 's'.repeat(5_000) };
  assert.ok(JSON.stringify(body).length > 9_000_000);
  await ok(operator('POST', `/v1/passports/${passport.jti}/checkout`, body));
  const [row] = await eventually(async () => {
    const found = await rows(`passport_jti=${passport.jti}&action=passport.checkout`);
    assert.equal(found.length, 1);
    return found;
  });
  assert.deepEqual([row.metadata.tool_calls, row.metadata.summary.length], [{ 'github read': 500, 'github write': 500 }, 1_000]);
  await ok(operator('POST', `/v1/missions/${mission_id}/revoke`, { reason: 'operator_initiated_clean', notes: 'n'.repeat(5_000) }));
  await eventually(async () => {
    const found = (await rows('action=mission.revoke')).find(({ metadata }) => metadata.mission_id === mission_id);
    assert.equal(found?.metadata.notes.length, 1_000);
  });
});

test('a mission is renewed with the last intent and scope, its activity is read oldest first, and lists find it by what they are asked', async () => {
  const mine = await enrolledAgent(operator, { name: 'renewing', accountability_mode: 'logged' });
  const started = await startMission(
    operator,
    mine.id,
    { limits: { max_bytes: 10 }, coverage_cap_cents: 5 },
    { checkpoint_interval_seconds: 'relaxed' },
  );
  const { mission_id } = started;
  const renewed = await ok(apiOf(platform.baseUrl, mine.jwt())('POST', `/v1/missions/${mission_id}/renew`, {}));
  assert.deepEqual(
    [renewed.mission_id, renewed.passport.services, renewed.passport.checkpoint_interval_seconds],
    [mission_id, ['github'], 900],
  );
  for (const passport of [started.passport, renewed.passport]) assert.deepEqual(await cameTo(() => call(mine, passport)), [200]);
  const unassigned = await ok(operator('POST', '/v1/missions', { intent_summary: 'x' }), 201);
  assert.deepEqual((await operator('POST', `/v1/missions/${unassigned.mission_id}/renew`, {})).body.error.metadata.fields, [
    { path: 'agent_id', rule: 'required' },
  ]);
  const assigned = await ok(operator('POST', `/v1/missions/${unassigned.mission_id}/renew`, { agent_id: mine.id }));
  assert.equal(assigned.passport.agent_id, mine.id);
  const [wrong, unknown] = [
    await operator('POST', `/v1/missions/${mission_id}/renew`, { agent_id: agent(4).id }),
    await operator('POST', '/v1/missions/ms_x/renew', {}),
  ];
  assert.deepEqual(
    [outcomeOf(wrong), outcomeOf(unknown).slice(0, 2)],
    [
      [403, 'FORBIDDEN', 'mission_agent'],
      [404, 'MISSION_ENDED'],
    ],
  );

  const replay = await eventually(async () => {
    const activity = await ok(operator('GET', `/v1/missions/${mission_id}/replay`));
    assert.equal(activity.items.filter(({ type }: { type: string }) => type === 'call.completed').length, 2);
    return activity;
  });
  const types = replay.items.map(({ type }: { type: string }) => type);
  assert.deepEqual([types[0], types.includes('mission.renewed'), replay.status], ['mission.opened', true, 'open']);
  const completed = replay.items.find(({ type }: { type: string }) => type === 'call.completed');
  assert.equal(completed.summary, 'GET api.github.com/repos/acme/sandbox/issues → 200');
  const page = await ok(operator('GET', `/v1/missions/${mission_id}/replay?limit=2`));
  const next = await ok(operator('GET', `/v1/missions/${mission_id}/replay?limit=200&cursor=${page.next_cursor}`));
  assert.deepEqual([...page.items, ...next.items], replay.items);
  assert.deepEqual(await ok(operator('GET', `/v1/missions/${mission_id}/operator-reviews`)), { items: [] });
  assert.equal((await operator('GET', `/v1/missions/${mission_id}/operator-reviews/aud_x/download`)).status, 404);
  assert.equal((await apiOf(platform.baseUrl, agent(4).jwt())('GET', `/v1/missions/${mission_id}/replay`)).status, 404);

  const { limits, coverage_cap_cents } = await ok(operator('GET', `/v1/missions/${mission_id}`));
  assert.deepEqual([limits, coverage_cap_cents], [{ max_bytes: 10 }, 5]);
  const list = async (query: string): Promise<string[]> =>
    (await ok(operator('GET', `/v1/missions?${query}`))).items.map((one: { mission_id: string }) => one.mission_id);
  await eventually(async () =>
    assert.deepEqual(new Set(await list(`agent_id=${mine.id}&status=open`)), new Set([mission_id, unassigned.mission_id])),
  );
  assert.deepEqual(await list(`agent_id=${mine.id}&implicit=true`), []);
  assert.deepEqual(await list(`session_id=${started.passport.session_id}`), [mission_id]);
  assert.deepEqual(await list(`agent_id=${mine.id}&limit=1&page=2`), [mission_id]);
  await ok(operator('POST', `/v1/passports/${renewed.passport.jti}/checkout`, {}));
  await eventually(async () => assert.deepEqual(await list(`agent_id=${mine.id}&review_status=clean`), [mission_id]));
});

test('a start whose passport is refused answers its error and leaves a revoked mission; fields that are not for this are refused', async () => {
  const refused = await operator('POST', '/v1/missions/start', {
    agent_id: agent(4).id,
    mission: { intent_summary: 'x' },
    passport: { services: ['slack'] },
  });
  assert.deepEqual(outcomeOf(refused), [403, 'FORBIDDEN', 'service_not_granted']);
  await eventually(async () => {
    const [mission] = (await ok(operator('GET', `/v1/missions?agent_id=${agent(4).id}&limit=1`))).items;
    assert.deepEqual([mission.status, mission.terminal_state, mission.jtis], ['revoked', 'revoked_clean', []]);
  });
  const opened = (body: object): Promise<Answer> => operator('POST', '/v1/missions', { intent_summary: 'x', ...body });
  for (const body of [
    { fleet_policy_id: 'fp_1' },
    { requested_access: [{}] },
    { authority_binding_ids: ['a'] },
    { expires_in_seconds: 86_401 },
  ])
    assert.equal((await opened(body)).status, 400, JSON.stringify(body));
  assert.equal((await opened({ fleet_policy_id: '', requested_access: [], authority_binding_ids: [] })).status, 201);
  const small = await enrolledAgent(operator, { name: 'small', accountability_mode: 'logged', max_mission_seconds: 3600 });
  assert.equal((await opened({ agent_id: small.id, expires_in_seconds: 3601 })).status, 400);
  const [first, second] = [await opened({ idempotency_key: 'once' }), await opened({ idempotency_key: 'once' })];
  assert.deepEqual([second.body.mission_id, second.headers.get('idempotency-replayed')], [first.body.mission_id, 'true']);
  assert.equal((await opened({ idempotency_key: 'once', max_actions: 3 })).body.error.code, 'IDEMPOTENCY_KEY_REUSED');
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Follower, follow } from '@sallyport/bus/follow.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Body, enrol, type Platform, platform, record, register, start, verify } from './support/platform.ts';

let on: Platform;
let github: Connection;
let follower: Follower;
const facts: { seq: number; fact: Fact }[] = [];

before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
  github = await on.connect('github');
  follower = follow(await on.bus('passports'), {
    name: 'test',
    filters: ['ledger.>'],
    start_seq: 1,
    on_message: (entry) => {
      for (const fact of entry.facts()) facts.push({ seq: entry.seq, fact });
    },
  });
});
after(async () => {
  await follower?.stop();
  await on?.stop();
});

const ofType = (type: string): Fact[] => facts.filter(({ fact }) => fact.type === type).map(({ fact }) => fact);
const claims = (token: unknown): Body => {
  const [, payload = ''] = String(token).split('.');
  return record(JSON.parse(Buffer.from(payload, 'base64url').toString()));
};
const scopesOf = (token: unknown): Body[] => {
  const { services } = record(claims(token)['stk']);
  assert.ok(Array.isArray(services));
  return services.map(record);
};

async function delegate(parent: Body, child_agent_id: string, more: Body = {}): Promise<Body> {
  return on.call('passports.delegate', { body: { parent_passport_token: parent['token'], child_agent_id, ...more } });
}

/** A chain of so many hops below a fresh root. */
async function chain(hops: number, mode = 'enforced'): Promise<{ passports: Body[]; agents: string[]; mission_id: string }> {
  const agents = await Promise.all(Array.from({ length: hops + 1 }, () => register(on, { accountability_mode: mode })));
  const { passport, mission_id } = await start(on, String(agents[0]));
  const passports = [passport];
  for (const agent of agents.slice(1)) passports.push(await delegate(record(passports.at(-1)), agent));
  return { passports, agents, mission_id };
}

const verdicts = (passports: Body[]): Promise<Body[]> => Promise.all(passports.map(({ token }) => verify(on, token)));

test('given a live passport, when it is delegated four times, then each child stands below it and a fifth is too deep', async () => {
  const { passports, agents, mission_id } = await chain(4);
  assert.deepEqual(
    passports.map(({ delegation_depth }) => delegation_depth),
    [0, 1, 2, 3, 4],
  );
  const [root, first, , , last] = passports.map(record);
  assert.deepEqual(
    passports.map(({ session_id }) => session_id),
    passports.map(() => root?.['session_id']),
  );
  assert.equal(record(claims(last?.['token'])['stk'])['parent_passport_id'], passports[3]?.['jti']);
  for (const { valid } of await verdicts(passports)) assert.equal(valid, true);
  const child = await on.call('missions.get', { params: { id: String(first?.['mission_id']) } });
  assert.deepEqual([child['implicit'], child['parent_mission_id'], child['agent_id']], [true, mission_id, agents[1]]);
  const resolved = await on.call('passport.resolve', {
    body: { operator_id: on.operatorId(), jti: last?.['jti'], min_seq: 0 },
  });
  const view = record(resolved['passport']);
  assert.deepEqual([view['delegation_depth'], (view['parents'] as unknown[]).length, view['state']], [4, 4, 'live']);
  assert.equal((record(resolved['mission'])['ancestors'] as unknown[]).length, 4);

  const fifth = await register(on);
  const deep = await on.denied('passports.delegate', { body: { parent_passport_token: last?.['token'], child_agent_id: fifth } });
  assert.equal(deep.code, 'DELEGATION_DEPTH_EXCEEDED');
  await eventually(() => ofType('passport.delegation_refused').some((fact) => fact.data['reason'] === 'DELEGATION_DEPTH_EXCEEDED'));
});

test('given a chain of four hops, when its root is revoked, then one fact kills all five, each is explained, and a second time writes nothing', async () => {
  const { passports } = await chain(4);
  const [root] = passports;
  await on.counted();
  const revoked = await on.call('passports.revoke', { body: { jti: root?.['jti'], reason: 'off-script' } });
  assert.deepEqual(
    revoked['cascaded'],
    passports.slice(1).map(({ jti }) => jti),
  );
  for (const verdict of await verdicts(passports))
    assert.deepEqual([verdict['code'], verdict['reason']], ['PASSPORT_REVOKED', 'off-script']);
  const jtis = passports.map(({ jti }) => jti);
  await eventually(() => ofType('passport.revoke_cascaded').filter(({ data }) => data['root'] === root?.['jti']).length === 4);
  assert.equal(ofType('passport.revoked').filter(({ jti }) => jtis.includes(jti)).length, 1);
  await eventually(
    async () => (await on.call('missions.get', { params: { id: String(passports[4]?.['mission_id']) } }))['status'] === 'revoked',
  );
  const again = await on.reply('passports.revoke', { body: { jti: root?.['jti'] } });
  assert.deepEqual([record(again.body)['already_revoked'], again.event_seq], [true, undefined]);
});

test('given constraints, sets and resources of the parent, when the child is made, then it holds them, once, and only narrows', async () => {
  const [parentAgent, childAgent] = await Promise.all([register(on), register(on)]);
  const rules = [{ path: 'method', op: 'in', value: ['GET', 'POST'] }];
  const set = [[{ path: 'method', op: 'eq', value: 'GET' }], [{ path: 'method', op: 'eq', value: 'POST' }]];
  const { passport } = await start(
    on,
    parentAgent,
    {},
    { scopes: [{ service: 'github', scopes: ['repo'], constraints: rules, any_of: set }] },
  );
  const bare = await delegate(passport, childAgent, { scopes: [{ service_connection_id: github.id, scopes: ['repo'] }] });
  const [held] = scopesOf(bare['token']);
  assert.deepEqual([held?.['constraints'], held?.['any_of'], held?.['resources']], [rules, [set], ['acme/sandbox']]);
  const turned = [
    { value: ['GET', 'POST'], op: 'in', path: 'method' },
    { path: 'url.host', op: 'eq', value: 'api.github.com' },
  ];
  const more = await delegate(passport, childAgent, {
    scopes: [{ service_connection_id: github.id, scopes: ['repo'], constraints: turned }],
    intent: 'Look at acme/sandbox and acme/other',
  });
  const [narrowed] = scopesOf(more['token']);
  const { constraints } = narrowed ?? assert.fail();
  assert.ok(Array.isArray(constraints) && constraints.length === 2);
  assert.deepEqual(narrowed?.['resources'], ['acme/sandbox']);

  const refused = async (scope: Body): Promise<string> => {
    const scopes = [{ service_connection_id: github.id, ...scope }];
    const body = { parent_passport_token: passport['token'], child_agent_id: childAgent, scopes };
    return (await on.denied('passports.delegate', { body })).code;
  };
  assert.equal(await refused({ constraints: [{ path: 'url.host', op: 'eq', value: 'x' }] }), 'SCOPE_ESCALATION');
  assert.equal(await refused({ scopes: ['repo', 'read'] }), 'SCOPE_ESCALATION');
  assert.equal(await refused({ service_connection_id: 'scon_00000000000000000000000000' }), 'SCOPE_ESCALATION');
  await eventually(() => ofType('passport.delegation_refused').filter(({ jti }) => jti === passport['jti']).length === 3);
});

test('given an agent of a lower mode, or without access, or another operator key, then nothing is delegated', async () => {
  const { passport } = await start(on, await register(on));
  const lower = await register(on, { accountability_mode: 'logged' });
  const denied = (body: Body): Promise<{ code: string; metadata?: Record<string, unknown> }> =>
    on.denied('passports.delegate', { body: { parent_passport_token: passport['token'], ...body } });
  assert.equal((await denied({ child_agent_id: lower })).code, 'DELEGATION_ACCOUNTABILITY_VIOLATION');
  const shut = await register(on, { allowed_connections: [] });
  const none = await denied({ child_agent_id: shut });
  assert.deepEqual([none.code, none.metadata?.['reason']], ['FORBIDDEN', 'service_not_granted']);
  assert.equal((await denied({ child_agent_id: 'agt_00000000000000000000000000' })).code, 'NOT_FOUND');
  assert.equal((await denied({ child_agent_id: await register(on), intent: { services: ['slack'] } })).code, 'SCOPE_ESCALATION');
  await on.call('passports.revoke', { body: { jti: passport['jti'] } });
  assert.equal((await denied({ child_agent_id: await register(on) })).code, 'PASSPORT_REVOKED');
  await eventually(() =>
    ofType('passport.use_refused').some(({ jti, data }) => jti === passport['jti'] && data['operation'] === 'delegate'),
  );
});

test('given a parent whose time is short, when it is checkpointed, then its child may live as long, and never longer', async () => {
  const [parentAgent, childAgent] = await Promise.all([register(on), register(on)]);
  const { passport } = await start(on, parentAgent, {}, { checkpoint_interval_seconds: 60 });
  const child = await delegate(passport, childAgent, { checkpoint_interval_seconds: 'relaxed', ttl_seconds: 900 });
  assert.equal(child['expires_at'], passport['expires_at']);
  await on.call('passports.checkpoint', { params: { jti: String(passport['jti']) }, body: { services_used: [], actions_count: 0 } });
  const [parentNow, childNow] = await verdicts([passport, child]);
  assert.equal(childNow?.['expires_at'], parentNow?.['expires_at']);
  assert.ok(String(childNow?.['expires_at']) > String(child['expires_at']));
});

test('given children, when the parent checks out, then they die, but for enforced ones that were kept; with the last of these the mission is complete', async () => {
  const [a, b, c] = await Promise.all([register(on), register(on), register(on)]);
  const root = await on.call('passports.issue', { body: { agent_id: a, intent: 'Look around', services: ['github'] } });
  const [kept, other] = [await delegate(root, b), await delegate(root, c)];
  const below = await delegate(kept, c);
  await on.call('passports.checkout', { params: { jti: String(root['jti']) }, body: { keep_children: true } });
  for (const { valid } of await verdicts([kept, other, below])) assert.equal(valid, true);
  const mission = async (passport: Body): Promise<unknown> =>
    (await on.call('missions.get', { params: { id: String(passport['mission_id']) } }))['status'];
  assert.equal(await mission(root), 'open');
  await on.call('passports.checkout', { params: { jti: String(kept['jti']) }, body: {} });
  const [, , child] = await verdicts([kept, other, below]);
  assert.equal(child?.['reason'], 'Parent checked out');
  assert.equal(await mission(kept), 'completed');
  assert.equal(await mission(root), 'open');
  await on.call('passports.checkout', { params: { jti: String(other['jti']) }, body: {} });
  await eventually(async () => (await mission(root)) === 'completed');
});

test('given a mission with passports below it, when it is completed, then all of them and their missions are over', async () => {
  const { passports, mission_id } = await chain(2);
  await on.counted();
  const ended = await on.call('missions.complete', { params: { id: mission_id }, body: {} });
  assert.deepEqual([ended['transitioned'], ended['revoked_count']], [true, 3]);
  for (const verdict of await verdicts(passports)) assert.equal(verdict['code'], 'PASSPORT_REVOKED');
  for (const { mission_id: id } of passports.slice(1)) {
    await eventually(async () => (await on.call('missions.get', { params: { id: String(id) } }))['status'] === 'revoked');
  }
  await eventually(() => ofType('passport.revoke_cascaded').filter(({ data }) => data['root'] === mission_id).length === 3);
  const late = await on.denied('passports.delegate', {
    body: { parent_passport_token: passports[1]?.['token'], child_agent_id: await register(on) },
  });
  assert.equal(late.code, 'MISSION_ENDED');
});

test('given an agent, when it delegates its own passport, then it may, and another agent may not', async () => {
  const [mine, other] = await Promise.all([register(on), register(on)]);
  const [{ key }, { key: otherKey }] = await Promise.all([enrol(on, mine), enrol(on, other)]);
  const { passport } = await start(on, mine);
  const body = { parent_passport_token: passport['token'], child_agent_id: other };
  const child = await on.call('passports.delegate', { body, bearer: key.bearer(mine) });
  assert.equal(child['agent_id'], other);
  const denied = await on.denied('passports.delegate', { body, bearer: otherKey.bearer(other) });
  assert.deepEqual([denied.code, denied.metadata?.['reason']], ['FORBIDDEN', 'own_objects_only']);
  const forged = await on.denied('passports.delegate', {
    body: { ...body, parent_passport_token: `${String(passport['token']).slice(0, -8)}AAAAAAAA` },
  });
  assert.deepEqual([forged.code, forged.metadata?.['reason']], ['UNAUTHORIZED', 'bad_signature']);
});

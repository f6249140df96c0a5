/** The team of an operator, its keys and what they may do (api.md §3.1, §3.2, §4, §17). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { makeApiKey } from '@sallyport/contracts/api-key.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission } from '../support/agent.ts';
import { type Answer, apiOf, readSince, why } from '../support/api.ts';
import { assertRevoked } from '../support/chains.ts';
import { newEmail, type TestOperator, testPlatform } from '../support/platform.ts';
import { signIn } from '../support/sign-in.ts';
import { startUpstream } from '../support/upstream.ts';

const platform = testPlatform({ gateways: 2 });
const ROLES = ['readonly', 'standard', 'admin', 'owner'] as const;

async function ok(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body } = await answer;
  assert.ok(status < 300, JSON.stringify(body));
  return body;
}

/** The audit rows of these actions, once the last of them is there. */
async function rows(
  acme: TestOperator,
  actions: string[],
): Promise<{ action: string; actor: { type: string; id: string }; metadata: Record<string, unknown> }[]> {
  return eventually(async () => {
    const { entries } = await ok(acme.api('GET', '/v1/audit?limit=100&order=asc'));
    const found = entries.filter((row: { action: string }) => actions.includes(row.action));
    return actions.every((action) => found.some((row: { action: string }) => row.action === action)) && found;
  });
}

test('37. a member key of any role is refused security events, and a readonly one every write', async () => {
  const acme = await platform.newOperator();
  for (const role of ROLES) {
    const member = await acme.memberKey(role);
    assert.deepEqual(why(await member.api('GET', '/v1/security-events')), [403, 'FORBIDDEN', 'role'], role);
    assert.equal((await member.api('GET', '/v1/agents')).status, 200, role);
    const write = await member.api('POST', '/v1/agents/register', { name: 'some-agent' });
    assert.equal(write.status, role === 'readonly' ? 403 : 201, role);
    // What takes W: no member key has it, not even an owner's.
    assert.deepEqual(why(await member.api('POST', '/v1/operator/rotate-key')), [403, 'FORBIDDEN', 'role'], role);
  }
});

test('given a key with one letter changed, then its checksum tells; given a well-formed one of nobody, then it is an unknown key', async () => {
  const acme = await platform.newOperator();
  const { api_key } = await acme.memberKey('standard');
  assert.match(api_key, /^sk_live_mem_[0-9a-hjkmnp-tv-z]{59}$/);
  const flipped = api_key.slice(0, -1) + (api_key.endsWith('0') ? '1' : '0');
  assert.deepEqual(why(await platform.api(flipped)('GET', '/v1/agents')), [401, 'UNAUTHORIZED', 'malformed']);
  assert.deepEqual(why(await platform.api(makeApiKey('member', randomBytes(32)))('GET', '/v1/agents'))[1], 'INVALID_API_KEY');
});

test('given an invitation, when it is accepted, then the key is shown once and the link is spent', async () => {
  const acme = await platform.newOperator();
  const email = newEmail('ada');
  const invited = await ok(acme.api('POST', '/v1/team/members', { email, name: 'Ada' }));
  assert.deepEqual([invited.role, invited.status, invited.allowed_connections, invited.last_seen_at], ['standard', 'invited', null, null]);
  const url = new URL(invited.invite_url);
  assert.equal(url.origin, platform.baseUrl);
  const token = url.searchParams.get('token');
  const accept = `/v1/team/members/${invited.id}/accept`;

  assert.deepEqual(why(await platform.api()('POST', accept, { token: `${token}x` })), [401, 'UNAUTHORIZED', 'malformed']);
  const accepted = await ok(platform.api()('POST', accept, { token }));
  assert.deepEqual([accepted.member.id, accepted.member.status], [invited.id, 'active']);
  assert.equal((await platform.api(accepted.api_key)('GET', '/v1/agents')).status, 200);
  assert.deepEqual(why(await platform.api()('POST', accept, { token })), [409, 'CONFLICT', 'already_active']);
  assert.deepEqual(why(await acme.api('POST', '/v1/team/members', { email: email.toUpperCase(), name: 'Ada' })), [
    409,
    'CONFLICT',
    'already_active',
  ]);
  assert.equal((await platform.api()('POST', '/v1/team/members/mem_01kt16jmk8es8r65rzyjka792g/accept', { token })).status, 404);

  const list = await eventually(async () => {
    const members = await ok(acme.api('GET', '/v1/team/members'));
    const ada = members.find((one: { id: string }) => one.id === invited.id);
    return ada?.status === 'active' && ada.last_seen_at !== null && members;
  });
  assert.equal(list.length, 2);
  const recorded = await rows(acme, ['member.invite', 'member.accept']);
  assert.equal(JSON.stringify(recorded).includes(String(token)), false);
  assert.deepEqual(recorded.at(-1)?.actor, { type: 'member', id: invited.id });
});

test('given an invitation that was not accepted, when the address is invited again, then the member is the same and the old link void', async () => {
  const acme = await platform.newOperator();
  const email = newEmail('late');
  const first = await ok(acme.api('POST', '/v1/team/members', { email, name: 'Late', role: 'readonly' }));
  const second = await ok(acme.api('POST', '/v1/team/members', { email, name: 'Late', role: 'admin' }));
  assert.deepEqual([second.id, second.role], [first.id, 'admin']);
  const accept = (url: string): Promise<Answer> =>
    platform.api()('POST', `/v1/team/members/${first.id}/accept`, { token: new URL(url).searchParams.get('token') });
  assert.deepEqual(why(await accept(first.invite_url)), [401, 'UNAUTHORIZED', 'malformed']);
  assert.equal((await accept(second.invite_url)).body.member.role, 'admin');
});

test('38. an invitation repeated with its Idempotency-Key is the same invitation', async () => {
  const acme = await platform.newOperator();
  const body = { email: newEmail(), name: 'Once' };
  const headers = { 'idempotency-key': 'once' };
  const [first, again] = [
    await acme.api('POST', '/v1/team/members', body, headers),
    await acme.api('POST', '/v1/team/members', body, headers),
  ];
  assert.deepEqual(again.body, first.body);
  assert.equal(again.headers.get('idempotency-replayed'), 'true');
});

test('given each role, then nobody gives a role above its own, changes its own, or removes itself', async () => {
  const acme = await platform.newOperator();
  await ok(acme.api('PATCH', '/v1/operator', { settings: { api_keys_may_approve: true } }));
  const admin = await acme.memberKey('admin');
  const owner = await acme.memberKey('owner');
  const reader = await acme.memberKey('readonly');
  const standard = await acme.memberKey('standard');
  const path = (member: { member_id: string }): string => `/v1/team/members/${member.member_id}`;
  const role = [403, 'FORBIDDEN', 'role'];

  assert.deepEqual(why(await standard.api('POST', '/v1/team/members', { email: newEmail(), name: 'X' })), role);
  assert.deepEqual(why(await admin.api('POST', '/v1/team/members', { email: newEmail(), name: 'X', role: 'owner' })), role);
  // Owners are made by W, which no member key is.
  assert.deepEqual(why(await owner.api('POST', '/v1/team/members', { email: newEmail(), name: 'X', role: 'owner' })), role);
  assert.deepEqual(why(await admin.api('PATCH', path(reader), { role: 'owner' })), role);
  assert.deepEqual(why(await admin.api('PATCH', path(owner), { role: 'readonly' })), role);
  assert.deepEqual(why(await admin.api('PATCH', path(admin), { role: 'standard' })), role);
  assert.deepEqual(why(await admin.api('DELETE', path(admin))), role);
  assert.deepEqual(why(await admin.api('DELETE', path(owner))), role);
  assert.deepEqual(why(await admin.api('POST', `${path(owner)}/rotate-key`)), role);
  assert.deepEqual(why(await standard.api('POST', `${path(standard)}/rotate-key`)), role, 'a key is no session');
  assert.equal((await ok(admin.api('PATCH', path(reader), { role: 'admin', name: 'Raised' }))).role, 'admin');
  assert.equal((await ok(admin.api('PATCH', path(admin), { name: 'Myself' }))).name, 'Myself');
  await rows(acme, ['member.update', 'operator.update']);
});

test('given the last owner, then it stays; of two that are removed at the same moment over two gateways, one stays', async () => {
  const acme = await platform.newOperator();
  const first = `/v1/team/members/${acme.owner.id}`;
  assert.deepEqual(why(await acme.api('DELETE', first)), [409, 'CONFLICT', 'last_owner']);
  assert.deepEqual(why(await acme.api('PATCH', first, { role: 'admin' })), [409, 'CONFLICT', 'last_owner']);
  for (let round = 0; round < 5; round++) {
    const second = await acme.memberKey('owner');
    const team: { id: string; role: string; status: string }[] = await ok(acme.api('GET', '/v1/team/members'));
    // Older than the invitation, which a list of who invited shows.
    const other = team.find(({ id, role, status }) => role === 'owner' && status === 'active' && id !== second.member_id);
    const owners = [other?.id ?? assert.fail('no other owner'), second.member_id];
    const answers = await Promise.all(
      owners.map((id, index) => apiOf(platform.gateways[index] ?? '', acme.api_key)('DELETE', `/v1/team/members/${id}`)),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
    const removed = answers.findIndex(({ status }) => status === 200);
    await eventually(async () => {
      const left = await ok(acme.api('GET', '/v1/team/members'));
      return left.every((one: { id: string }) => one.id !== owners[removed]);
    });
  }
});

test('given a member with a key and a session, when the role is lowered, the key rotated, the member removed, then the next request knows', async () => {
  const acme = await platform.newOperator();
  const ada = await acme.memberKey('standard');
  const { api: session } = await ada.signIn();
  const { api: owner } = await signIn(platform.baseUrl, acme.login_url);
  const path = `/v1/team/members/${ada.member_id}`;
  const everywhere = platform.gateways.map((gateway) => apiOf(gateway, ada.api_key));
  const register = (api: typeof session): Promise<Answer> => api('POST', '/v1/agents/register', { name: 'an-agent' });

  for (const api of [...everywhere, session]) assert.equal((await register(api)).status, 201);
  await ok(owner('PATCH', path, { role: 'readonly' }));
  for (const api of [...everywhere, session]) assert.deepEqual(why(await register(api)), [403, 'FORBIDDEN', 'role']);

  const { api_key } = await ok(session('POST', `${path}/rotate-key`));
  for (const api of everywhere) assert.deepEqual(why(await api('GET', '/v1/agents'))[1], 'INVALID_API_KEY');
  assert.equal((await platform.api(api_key)('GET', '/v1/agents')).status, 200);

  assert.deepEqual(await ok(owner('DELETE', path)), { id: ada.member_id, removed: true });
  for (const gateway of platform.gateways) {
    assert.deepEqual(why(await apiOf(gateway, api_key)('GET', '/v1/agents'))[1], 'INVALID_API_KEY');
  }
  assert.equal((await session('GET', '/v1/agents')).status, 401);
  assert.equal((await owner('PATCH', path, { name: 'gone' })).status, 404);
  assert.equal((await owner('DELETE', path)).status, 404);
  await rows(acme, ['member.update', 'member.rotate_key', 'member.remove']);
  // The address is free again, for another member.
  const again = await ok(owner('POST', '/v1/team/members', { email: ada.email, name: 'Ada' }));
  assert.notEqual(again.id, ada.member_id);
});

test('given a member who issued passports, when it is removed, then they live on, unless its removal says otherwise', async () => {
  const upstream = await startUpstream();
  try {
    const acme = await platform.newOperator();
    await connectGithub(acme.api, upstream.url);
    const agent = await enrolledAgent(acme.api);
    const [ada, bob] = [await acme.memberKey('standard'), await acme.memberKey('standard')];
    const issued = await Promise.all([ada, bob].map(({ api }) => startMission(api, agent.id)));
    const mine = await startMission(acme.api, agent.id);
    await ok(acme.api('DELETE', `/v1/team/members/${ada.member_id}`));
    await ok(acme.api('DELETE', `/v1/team/members/${bob.member_id}?revoke_passports=true`));
    const call = (token: string): Promise<Answer> =>
      platform.api(agent.jwt())(
        'POST',
        '/v1/proxy',
        { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' },
        { 'x-passport-token': token },
      );
    assert.equal((await call(issued[0].passport.token)).status, 200);
    assert.equal((await call(mine.passport.token)).status, 200);
    await assertRevoked([() => call(issued[1].passport.token)], 'Member removed');
  } finally {
    await upstream.stop();
  }
});

test('36. members are listed newest first, by status, and page by page each once', async () => {
  const acme = await platform.newOperator();
  let last: Answer | undefined;
  for (let i = 0; i < 5; i++) last = await acme.api('POST', '/v1/team/members', { email: newEmail(), name: `Member ${i}` });
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Answer = await readSince(acme.api, `/v1/team/members?limit=2${cursor && `&cursor=${cursor}`}`, last ?? assert.fail());
    assert.ok(Array.isArray(page.body));
    seen.push(...page.body.map((one: { name: string }) => one.name));
    cursor = page.headers.get('x-next-cursor');
    assert.equal(page.headers.get('link') !== null, cursor !== null);
  }
  assert.deepEqual(seen, ['Member 4', 'Member 3', 'Member 2', 'Member 1', 'Member 0', 'Olivia']);
  assert.equal((await ok(acme.api('GET', '/v1/team/members?status=invited'))).length, 5);
  assert.equal((await acme.api('GET', '/v1/team/members?status=gone')).status, 400);
});

test('given settings, when they are patched, then in bounds and by name, and what is unknown is left alone', async () => {
  const acme = await platform.newOperator();
  const patched = await ok(
    acme.api('PATCH', '/v1/operator', {
      name: 'Acme Ltd',
      settings: { default_mission_seconds: 60, audit_retention_days: 30, nonsense: 1 },
    }),
  );
  assert.deepEqual([patched.name, patched.settings.default_mission_seconds, patched.settings.audit_retention_days], ['Acme Ltd', 60, 30]);
  assert.equal(patched.settings.nonsense, undefined);
  assert.equal(
    (await ok(acme.api('PATCH', '/v1/operator', { settings: { audit_retention_days: null } }))).settings.audit_retention_days,
    null,
  );
  assert.equal((await ok(acme.api('GET', '/v1/operator'))).name, 'Acme Ltd');
  for (const settings of [
    { default_mission_seconds: 59 },
    { max_mission_seconds: 3599 },
    { raw_reads: 'some' },
    { approved_ttl_seconds: 3601 },
  ]) {
    assert.equal((await acme.api('PATCH', '/v1/operator', { settings })).status, 400, JSON.stringify(settings));
  }
  const standard = await acme.memberKey('standard');
  assert.deepEqual(why(await standard.api('PATCH', '/v1/operator', { name: 'Mine' })), [403, 'FORBIDDEN', 'role']);
});

test('given the operator key, when it is rotated, then the old one dies at once, or after the grace', async () => {
  const acme = await platform.newOperator();
  const first = await ok(acme.api('POST', '/v1/operator/rotate-key', { grace_seconds: 600 }));
  assert.ok(Date.parse(first.old_key_expires_at) > Date.now() + 500_000);
  assert.equal((await acme.api('GET', '/v1/agents')).status, 200);
  const second = await ok(platform.api(first.api_key)('POST', '/v1/operator/rotate-key'));
  // No grace ends the grace of the one before too.
  for (const key of [acme.api_key, first.api_key]) {
    for (const gateway of platform.gateways) assert.deepEqual(why(await apiOf(gateway, key)('GET', '/v1/agents'))[1], 'INVALID_API_KEY');
  }
  assert.equal((await platform.api(second.api_key)('GET', '/v1/agents')).status, 200);
});

/** OAuth for people's tools (api.md §3.6): what a thief, a phisher and two programs at once can do, and what they cannot. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { aggregateSubject, PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { deviceAsked, refreshTokenIssued } from '@sallyport/contracts/facts/sign-in.ts';
import { DEVICE_CODE, decideRequest, viewDevice, viewRequest } from '@sallyport/contracts/operations/oauth.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, why } from '../support/api.ts';
import { lateBusOf, writeFacts } from '../support/host.ts';
import { testPlatform, type TestOperator } from '../support/platform.ts';
import {
  answered,
  approveDevice,
  authorize,
  authorizeQuery,
  codeForm,
  consent,
  oauthError,
  pagesOver,
  postForm,
  type Program,
  refresh,
  register,
  type SignedIn,
  signIn,
  tokensByCode,
} from '../support/sign-in.ts';

const platform = testPlatform();
const passports = lateBusOf(() => platform.constellation, 'passports');
const gateway = lateBusOf(() => platform.constellation, 'gateway');
const pages = pagesOver(gateway.get);
after(() => Promise.all([passports.close(), gateway.close()]));

const post = (path: string, form: Record<string, string>): Promise<Answer> => postForm(platform.baseUrl, path, form);
const NO_GRANT = [400, 'invalid_grant'];
const ENDED = [401, 'UNAUTHORIZED', 'session_ended'];

async function person(): Promise<{ acme: TestOperator } & SignedIn> {
  const acme = await platform.newOperator();
  return { acme, ...(await signIn(platform.baseUrl, acme.login_url)) };
}

/** 200 as long as the token lives. */
async function me(access_token: string): Promise<Answer> {
  return platform.api(access_token)('GET', '/v1/me');
}

async function auditActions(acme: TestOperator, wanted: string): Promise<{ action: string; outcome: string; actor: { id: string } }[]> {
  return eventually(async () => {
    const { entries } = (await acme.api('GET', '/v1/audit?limit=100')).body;
    return entries.some(({ action }: { action: string }) => action === wanted) && entries;
  });
}

/** Spent when the file begins and shown again when it ends: by then the answer is not lost any more. */
let early: { acme: TestOperator; lost: Awaited<ReturnType<typeof tokensByCode>>; next: Answer['body']; spent_at: number };

test('38. a refresh token is spent, and its successor kept', async () => {
  const { session, acme } = await person();
  const lost = await tokensByCode(platform.baseUrl, pages, session);
  const { status, body: next } = await refresh(platform.baseUrl, lost.refresh_token, lost.program.client_id);
  assert.equal(status, 200, JSON.stringify(next));
  early = { acme, lost, next, spent_at: Date.now() };
});

test('both metadata documents name what is there', async () => {
  const server = (await platform.api()('GET', '/.well-known/oauth-authorization-server')).body;
  assert.equal(server.issuer, platform.baseUrl);
  for (const endpoint of ['authorization', 'token', 'registration', 'device_authorization', 'revocation']) {
    const url = new URL(server[`${endpoint}_endpoint`]);
    assert.equal(url.origin, platform.baseUrl);
    const { status } = await platform.api()(endpoint === 'authorization' ? 'GET' : 'POST', url.pathname);
    assert.ok([400, 415].includes(status), `${endpoint}: ${status}`);
  }
  assert.deepEqual(server.code_challenge_methods_supported, ['S256']);
  const resource = (await platform.api()('GET', '/.well-known/oauth-protected-resource')).body;
  assert.deepEqual([resource.resource, resource.authorization_servers], [`${platform.baseUrl}/mcp`, [platform.baseUrl]]);
});

test('a program gets tokens by code and PKCE, and they say what they are for', async () => {
  const { session, acme } = await person();
  const program = await register(platform.baseUrl);
  const request = await authorize(platform.baseUrl, program, {
    scope: 'passports:read passports:write nothing:known',
    resource: 'https://api.getstack.run',
    redirect_uri: 'http://127.0.0.1:50001/callback',
  });
  program.redirect_uri = 'http://127.0.0.1:50001/callback';
  const seen = answered(await pages.ask(viewRequest, session, { request }));
  assert.deepEqual(
    [seen.client_name, seen.built_in, seen.scopes, seen.redirect_uri, seen.email],
    ['Test program', false, ['passports:read', 'passports:write'], program.redirect_uri, acme.owner.email],
  );
  const { redirect_to } = answered(await pages.ask(decideRequest, session, { request, approve: true }));
  const back = new URL(redirect_to);
  assert.deepEqual([back.origin + back.pathname, back.searchParams.get('state')], [program.redirect_uri, program.state]);
  const tokens = await post('/v1/oauth/token', { ...codeForm(program, back.searchParams.get('code') ?? ''), client_secret: '' });
  assert.equal(tokens.status, 200);
  const { access_token, token_type, expires_in, refresh_token, scope, operator_id } = tokens.body;
  assert.deepEqual([token_type, expires_in, scope, operator_id], ['Bearer', 300, 'passports:read passports:write', acme.operator_id]);
  assert.match(refresh_token, /^rt_/);
  const [head = '', claims = ''] = access_token.split('.').map((part: string) => Buffer.from(part, 'base64url').toString());
  assert.equal(JSON.parse(head).typ, 'at+jwt');
  const { iss, aud, sub, exp, iat, client_id } = JSON.parse(claims);
  assert.deepEqual([iss, aud, sub, exp - iat, client_id], [platform.baseUrl, 'stack:api', acme.owner.id, 300, program.client_id]);
  assert.equal((await platform.api(access_token)('GET', '/v1/passports/active')).status, 200);
});

test('a refusal goes back to the program without a code, and only a session answers the page', async () => {
  const { session, acme } = await person();
  const program = await register(platform.baseUrl);
  const request = await authorize(platform.baseUrl, program);
  const { redirect_to } = answered(await pages.ask(decideRequest, session, { request, approve: false }));
  const back = new URL(redirect_to).searchParams;
  assert.deepEqual([back.get('error'), back.get('state'), back.get('code')], ['access_denied', program.state, null]);
  const { access_token } = await tokensByCode(platform.baseUrl, pages, session);
  for (const bearer of [access_token, null]) {
    const answer = await pages.ask(decideRequest, bearer, { request, approve: true });
    assert.ok(!answer.ok && answer.denial.code === 'UNAUTHORIZED', String(bearer));
  }
  const byKey = await acme.api('POST', '/v1/auth/logout');
  assert.equal(byKey.status, 401);
  for (const forged of ['x', `${request.slice(0, -4)}AAAA`, Buffer.from('{}').toString('base64url')]) {
    const answer = await pages.ask(decideRequest, session, { request: forged, approve: true });
    assert.ok(!answer.ok && answer.denial.code === 'INVALID_REQUEST', forged);
  }
});

test('a code works once, for its program, at its address, with its verifier; shown again it ends what it gave', async () => {
  const { session, acme } = await person();
  const code = async (program: Program): Promise<string> => consent(pages, session, await authorize(platform.baseUrl, program));

  const replayed = await register(platform.baseUrl);
  const once = await code(replayed);
  const tokens = await post('/oauth/token', codeForm(replayed, once));
  assert.equal((await me(tokens.body.access_token)).status, 200);
  assert.deepEqual(oauthError(await post('/oauth/token', codeForm(replayed, once))), NO_GRANT);
  assert.deepEqual(why(await me(tokens.body.access_token)), ENDED);
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, tokens.body.refresh_token, replayed.client_id)), NO_GRANT);

  const other = await register(platform.baseUrl);
  const wrongs: Record<string, string>[] = [
    { code_verifier: randomBytes(32).toString('base64url') },
    { client_id: other.client_id },
    { redirect_uri: 'http://127.0.0.1:49153/callback' },
    { redirect_uri: 'http://127.0.0.1:49152/callback/' },
    { code_verifier: 'A'.repeat(42) },
  ];
  for (const wrong of wrongs) {
    const program = await register(platform.baseUrl);
    const one = await code(program);
    assert.deepEqual(oauthError(await post('/oauth/token', { ...codeForm(program, one), ...wrong })), NO_GRANT, JSON.stringify(wrong));
    assert.deepEqual(oauthError(await post('/oauth/token', codeForm(program, one))), NO_GRANT, 'somebody else has it');
  }
  const program = await register(platform.baseUrl);
  const one = await code(program);
  const at = one.length - 1;
  const mistyped = one.slice(0, at) + (one[at] === 'A' ? 'B' : 'A');
  assert.deepEqual(oauthError(await post('/oauth/token', codeForm(program, mistyped))), NO_GRANT);
  assert.deepEqual(oauthError(await post('/oauth/token', { ...codeForm(program, one), code_verifier: '' })), [400, 'invalid_request']);
  assert.equal((await post('/oauth/token', codeForm(program, one))).status, 200, 'a guess spends nothing');

  const racing = await register(platform.baseUrl);
  const raced = await code(racing);
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('/oauth/token', codeForm(racing, raced))));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  const won = answers.find(({ status }) => status === 200) ?? assert.fail();
  assert.deepEqual(why(await me(won.body.access_token)), ENDED);
  assert.ok(acme);
});

test('a browser is sent nowhere that the program did not register', async () => {
  const open = async (uri: string): Promise<unknown[]> =>
    oauthError(await platform.api()('POST', '/oauth/register', { client_name: 'x', redirect_uris: [uri] }));
  const never = [
    'http://example.com/callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://user@example.com/',
    'https://example.com/#fragment',
    'https://example.com\\@evil.example/',
    '//evil.example/',
    'https://evil.example/\r\nLocation: x',
    'http://127.0.0.1.evil.example/callback',
    'http://2130706433/callback',
    'custom-scheme:/callback',
    'https://EXAMPLE.com/callback',
    'https://example.com/a/../b',
    'https://example.com:443/x',
    ' https://example.com/x',
  ];
  for (const uri of never) assert.deepEqual(await open(uri), [400, 'invalid_redirect_uri'], uri);
  for (const client_name of ['', 'a\u202eb', 'a\nb', '   ', 'x'.repeat(65)]) {
    const answer = await platform.api()('POST', '/oauth/register', { client_name, redirect_uris: ['https://example.com/cb'] });
    assert.deepEqual(oauthError(answer), [400, 'invalid_client_metadata'], JSON.stringify(client_name));
  }

  const web = await register(platform.baseUrl, 'https://example.com/cb?app=1');
  const loopback = await register(platform.baseUrl);
  const refused = async (program: Program, more: Record<string, string | undefined>): Promise<void> => {
    const answer = await fetch(`${platform.baseUrl}/oauth/authorize?${authorizeQuery(program, more)}`, { redirect: 'manual' });
    const text = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get('location')], [400, null], JSON.stringify(more));
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.doesNotMatch(text, /evil|<script/);
  };
  for (const redirect_uri of [
    'https://example.com/cb',
    'https://example.com/cb?app=1&next=https://evil.example',
    'https://example.com:8443/cb?app=1',
    'https://example.com/cb%2f..%2fevil?app=1',
    'https://example.com/cb/../evil?app=1',
    'https://user:pw@example.com/cb?app=1',
    'https://example.com@evil.example/cb?app=1',
    'https://example.com.evil.example/cb?app=1',
    '//example.com/cb?app=1',
    'https:example.com/cb?app=1',
    'https://example.com\\evil/cb?app=1',
    'javascript://example.com/cb?app=1',
    'HTTPS://example.com/cb?app=1',
    undefined,
  ])
    await refused(web, { redirect_uri });
  for (const redirect_uri of [
    'http://127.0.0.1:49152/callback/x',
    'http://127.0.0.1:49152/callback?x=1',
    'http://localhost:49152/callback',
    'https://127.0.0.1:49152/callback',
    'http://127.0.0.1:49152@evil.example/callback',
    'http://127.0.0.1:49152/%63allback',
    'http://[::1]:49152/callback',
    'http://127.0.0.1:99999/callback',
  ])
    await refused(loopback, { redirect_uri });
  // What else is wrong is told to the person, too: no unasked redirect.
  const rest: Record<string, string | undefined>[] = [
    { response_type: 'token' },
    { code_challenge_method: 'plain' },
    { code_challenge: undefined },
    { code_challenge: 'short' },
    { state: undefined },
    { scope: 'evil:everything' },
    { resource: 'https://evil.example' },
    { client_id: newId('oauth_client', Date.now()) },
    { client_id: '<script>' },
  ];
  for (const more of rest) await refused(web, more);
  await authorize(platform.baseUrl, loopback, { redirect_uri: 'http://127.0.0.1:1234/callback' });
  await authorize(platform.baseUrl, web, { resource: `${platform.baseUrl}/mcp` });
  await authorize(platform.baseUrl, { ...loopback, client_id: 'sallyport-cli', redirect_uri: 'http://127.0.0.1:1234/callback' });
});

test('38. a spent refresh token used twice ends its whole family, and the owners can see it', async () => {
  const { session, acme } = await person();
  const stolen = await tokensByCode(platform.baseUrl, pages, session);
  const { client_id } = stolen.program;
  const second = await refresh(platform.baseUrl, stolen.refresh_token, client_id);
  assert.equal(second.status, 200);
  assert.notEqual(second.body.refresh_token, stolen.refresh_token);
  const third = await refresh(platform.baseUrl, second.body.refresh_token, client_id);
  assert.equal((await me(third.body.access_token)).status, 200);
  // The thief comes: its successor was used, so this is no lost answer.
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, stolen.refresh_token, client_id)), NO_GRANT);
  for (const { access_token } of [stolen, second.body, third.body]) assert.deepEqual(why(await me(access_token)), ENDED);
  for (const { refresh_token } of [stolen, second.body, third.body])
    assert.deepEqual(oauthError(await refresh(platform.baseUrl, refresh_token, client_id)), NO_GRANT);
  const rows = await auditActions(acme, 'auth.token_reuse');
  assert.deepEqual(
    rows.filter(({ action }) => action === 'auth.token_reuse').map(({ outcome, actor }) => [outcome, actor.id]),
    [['blocked', acme.owner.id]],
  );
  const untouched = await tokensByCode(platform.baseUrl, pages, session);
  assert.equal((await refresh(platform.baseUrl, untouched.refresh_token, untouched.program.client_id)).status, 200);
});

test('38. a lost answer is forgiven once, and takes the place of what was lost', async () => {
  const { session } = await person();
  const lost = await tokensByCode(platform.baseUrl, pages, session);
  const { client_id } = lost.program;
  const first = await refresh(platform.baseUrl, lost.refresh_token, client_id);
  const repeat = await refresh(platform.baseUrl, lost.refresh_token, client_id);
  assert.deepEqual([first.status, repeat.status], [200, 200]);
  assert.equal((await me(repeat.body.access_token)).status, 200);
  const next = await refresh(platform.baseUrl, repeat.body.refresh_token, client_id);
  assert.equal(next.status, 200);
  // Who holds the answer that counts for lost is somebody else.
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, first.body.refresh_token, client_id)), NO_GRANT);
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, next.body.refresh_token, client_id)), NO_GRANT);

  const again = await tokensByCode(platform.baseUrl, pages, session);
  const three = [];
  for (let i = 0; i < 3; i++) three.push(await refresh(platform.baseUrl, again.refresh_token, again.program.client_id));
  assert.deepEqual(
    three.map(({ status }) => status),
    [200, 200, 400],
  );
  assert.deepEqual(why(await me(three[1]?.body.access_token)), ENDED);
});

test('of refresh requests at once two pass at most, and one family of tokens is left', async () => {
  const { session } = await person();
  const two = await tokensByCode(platform.baseUrl, pages, session);
  const both = await Promise.all([1, 2].map(() => refresh(platform.baseUrl, two.refresh_token, two.program.client_id)));
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  );
  const uses = [];
  for (const { body } of both) uses.push(await refresh(platform.baseUrl, body.refresh_token, two.program.client_id));
  assert.ok(uses.filter(({ status }) => status === 200).length <= 1);

  const many = await tokensByCode(platform.baseUrl, pages, session);
  const all = await Promise.all(Array.from({ length: 12 }, () => refresh(platform.baseUrl, many.refresh_token, many.program.client_id)));
  assert.ok(all.filter(({ status }) => status === 200).length <= 2);
  for (const { status, body } of all) if (status === 200) assert.deepEqual(why(await me(body.access_token)), ENDED);
});

test('a refresh token is good for its own program and as it was written', async () => {
  const { session } = await person();
  const mine = await tokensByCode(platform.baseUrl, pages, session);
  const other = await register(platform.baseUrl);
  const { refresh_token } = mine;
  for (const client_id of [other.client_id, 'sallyport-cli', 'nobody'])
    assert.deepEqual(oauthError(await refresh(platform.baseUrl, refresh_token, client_id)), NO_GRANT);
  const at = refresh_token.length - 3;
  const changed = refresh_token.slice(0, at) + (refresh_token[at] === 'x' ? 'y' : 'x') + refresh_token.slice(at + 1);
  for (const bad of [changed, refresh_token.toUpperCase(), 'rt_x', mine.access_token])
    assert.deepEqual(oauthError(await refresh(platform.baseUrl, bad, mine.program.client_id)), NO_GRANT);
  assert.equal((await refresh(platform.baseUrl, refresh_token, mine.program.client_id)).status, 200, 'nothing was spent');
});

test('what is given back ends all tokens of its family; what does not exist is answered alike', async () => {
  const { session } = await person();
  for (const which of ['access_token', 'refresh_token'] as const) {
    const tokens = await tokensByCode(platform.baseUrl, pages, session);
    const answer = await post('/oauth/revoke', { token: tokens[which] });
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    assert.deepEqual(why(await me(tokens.access_token)), ENDED);
    assert.deepEqual(oauthError(await refresh(platform.baseUrl, tokens.refresh_token, tokens.program.client_id)), NO_GRANT);
  }
  for (const token of ['x', 'rt_nothing', session]) assert.deepEqual((await post('/oauth/revoke', { token })).body, {});
  assert.equal((await me(session)).status, 200, 'a session is ended by a logout alone');
});

test('a device waits, is told to slow down, and gets its tokens once', async () => {
  const { session, acme } = await person();
  const asked = await post('/oauth/device_authorization', { client_id: 'sallyport-cli' });
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = asked.body;
  assert.match(user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.deepEqual([verification_uri, expires_in, interval], [`${platform.baseUrl}/device`, 600, 5]);
  assert.equal(verification_uri_complete, `${verification_uri}?user_code=${user_code}`);
  const poll = (code = device_code, client_id = 'sallyport-cli'): Promise<Answer> =>
    post('/oauth/token', { grant_type: DEVICE_CODE, device_code: code, client_id });
  assert.deepEqual(oauthError(await poll()), [400, 'authorization_pending']);
  assert.deepEqual(oauthError(await poll()), [400, 'slow_down']);
  assert.deepEqual(oauthError(await poll(device_code, 'sallyport-mcp')), NO_GRANT);
  assert.deepEqual(oauthError(await poll(`${device_code.slice(0, -1)}${device_code.endsWith('A') ? 'B' : 'A'}`)), NO_GRANT);

  const typed = ` ${user_code.toLowerCase().replace('-', ' ')} `;
  const seen = answered(await pages.ask(viewDevice, session, { user_code: typed }));
  assert.deepEqual(
    [seen.user_code, seen.client_name, seen.built_in, seen.scopes, seen.email],
    [user_code, 'Sallyport CLI', true, ['api'], acme.owner.email],
  );
  assert.match(seen.address, /127\.0\.0\.1$/);
  assert.deepEqual(answered(await approveDevice(pages, session, user_code)), { approved: true });
  const again = await approveDevice(pages, session, user_code);
  assert.ok(!again.ok && again.denial.code === 'NOT_FOUND', 'decided once');

  const other = (await post('/oauth/device_authorization', { client_id: 'sallyport-cli' })).body;
  assert.deepEqual(answered(await approveDevice(pages, session, other.user_code)), { approved: true });
  const tokens = await poll(other.device_code);
  assert.deepEqual([tokens.status, tokens.body.scope], [200, 'api']);
  assert.equal((await me(tokens.body.access_token)).status, 200);
  assert.deepEqual(oauthError(await poll(other.device_code)), NO_GRANT);
});

test('a device that was refused, and one that nobody answered in time, get nothing', async () => {
  const { session } = await person();
  const denied = (await post('/oauth/device_authorization', { client_id: 'sallyport-cli', scope: 'agents:read' })).body;
  assert.deepEqual(answered(await approveDevice(pages, session, denied.user_code, false)), { approved: false });
  assert.deepEqual(
    oauthError(await post('/oauth/token', { grant_type: DEVICE_CODE, device_code: denied.device_code, client_id: 'sallyport-cli' })),
    [400, 'access_denied'],
  );
  const late = (await post('/oauth/device_authorization', { client_id: 'sallyport-cli' })).body;
  const id = late.device_code.slice('dc_-.'.length).split('.')[0];
  const sha256 = createHash('sha256').update(late.device_code).digest('hex');
  const past = { sha256, client_id: 'sallyport-cli', client_name: 'x', scopes: ['api'], address: '', expires_at_ms: Date.now() - 1_000 };
  await writeFacts(await passports.get(), aggregateSubject(PLATFORM, 'device', id), PLATFORM, [draft(deviceAsked, past)]);
  assert.deepEqual(
    oauthError(await post('/oauth/token', { grant_type: DEVICE_CODE, device_code: late.device_code, client_id: 'sallyport-cli' })),
    [400, 'expired_token'],
  );
  const answer = await approveDevice(pages, session, late.user_code);
  assert.ok(!answer.ok && answer.denial.code === 'NOT_FOUND');
  assert.deepEqual(oauthError(await post('/oauth/device_authorization', { client_id: 'nobody' })), [400, 'invalid_client']);
  assert.deepEqual(oauthError(await post('/oauth/device_authorization', { client_id: 'sallyport-cli', scope: 'x:y' })), [
    400,
    'invalid_scope',
  ]);
});

test('who guesses user codes is stopped after ten, and learns nothing before', async () => {
  const { session } = await person();
  const waiting = (await post('/oauth/device_authorization', { client_id: 'sallyport-cli' })).body;
  for (let i = 0; i < 10; i++) {
    const answer = await pages.ask(viewDevice, session, { user_code: `BCDF-GHJ${'KLMNPQRSTV'[i]}` });
    assert.ok(!answer.ok && answer.denial.code === 'NOT_FOUND');
  }
  for (const user_code of ['BCDF-GHJK', waiting.user_code]) {
    const answer = await pages.ask(viewDevice, session, { user_code });
    assert.ok(!answer.ok && answer.denial.code === 'RATE_LIMITED');
  }
  const other = await person();
  assert.equal(answered(await pages.ask(viewDevice, other.session, { user_code: waiting.user_code })).user_code, waiting.user_code);
});

test('a member who is removed between consent and code, or holds tokens, gets and keeps nothing', async () => {
  const { acme, api } = await person();
  const fresh = await platform.newOperator();
  const bob = await fresh.memberKey('standard');
  const { session } = await bob.signIn();
  const program = await register(platform.baseUrl);
  const code = await consent(pages, session, await authorize(platform.baseUrl, program));
  const kept = await tokensByCode(platform.baseUrl, pages, session);
  const owner = await signIn(platform.baseUrl, fresh.login_url);
  assert.equal((await owner.api('DELETE', `/v1/team/members/${bob.member_id}`)).status, 200);
  assert.deepEqual(oauthError(await post('/oauth/token', codeForm(program, code))), NO_GRANT);
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, kept.refresh_token, kept.program.client_id)), NO_GRANT);
  assert.deepEqual(why(await me(kept.access_token)), ENDED);
  assert.equal((await api('GET', '/v1/operator')).body.id, acme.operator_id);
});

test('a refresh token that nobody used in its time is over, and no theft; the family lives on', async () => {
  const { acme, session } = await person();
  const { access_token, program } = await tokensByCode(platform.baseUrl, pages, session);
  const { gid } = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString());
  const [old = '', good = ''] = await Promise.all(
    [Date.now() - 1_000, Date.now() + 60_000].map(async (expires_at_ms) => {
      const id = randomBytes(16).toString('hex');
      const text = `rt_${acme.operator_id.slice('op_'.length)}.${id}.${randomBytes(32).toString('base64url')}`;
      const sha256 = createHash('sha256').update(text).digest('hex');
      const issued = draft(refreshTokenIssued, { grant_id: gid, sha256, expires_at_ms });
      await writeFacts(await passports.get(), aggregateSubject(acme.operator_id, 'oauth_token', id), acme.operator_id, [issued]);
      return text;
    }),
  );
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, old, program.client_id)), NO_GRANT);
  assert.equal((await me(access_token)).status, 200);
  assert.equal((await refresh(platform.baseUrl, good, program.client_id)).status, 200);
});

test('38. thirty seconds later a spent token is a stolen one, though its successor was never used', async () => {
  const { acme, lost, next, spent_at } = early;
  await eventually(() => Date.now() > spent_at + 30_500, { timeoutMs: 40_000, everyMs: 100 });
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, lost.refresh_token, lost.program.client_id)), NO_GRANT);
  for (const { access_token } of [lost, next]) assert.deepEqual(why(await me(access_token)), ENDED);
  assert.deepEqual(oauthError(await refresh(platform.baseUrl, next.refresh_token, lost.program.client_id)), NO_GRANT);
  const rows = await auditActions(acme, 'auth.token_reuse');
  assert.equal(rows.filter(({ action }) => action === 'auth.token_reuse').length, 1);
});

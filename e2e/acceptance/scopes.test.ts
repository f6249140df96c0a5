/** What sessions and tokens open, once somebody has them (api.md §3.6): scopes, proxied calls, token exchange, and the published client that lives by them. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ask } from '@sallyport/bus/rpc.ts';
import { operations } from '@sallyport/contracts/operations.ts';
import { TOKEN_EXCHANGE } from '@sallyport/contracts/operations/oauth.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { pythonEnvironment, requires } from '@sallyport/testing/requires.ts';
import { connectGithub, enrolledAgent, startMission } from '../support/agent.ts';
import { type Answer, apiOf, why } from '../support/api.ts';
import { lateBusOf } from '../support/host.ts';
import { testPlatform, type TestOperator } from '../support/platform.ts';
import { ROOT, runPython } from '../support/python.ts';
import { oauthError, pagesOver, postForm, type SignedIn, signIn, tokensByCode } from '../support/sign-in.ts';
import { json, startUpstream } from '../support/upstream.ts';

const python = await requires('python3');
const CLIENT_NEEDS = ['httpx==0.28.1', 'cryptography==50.0.2', 'PyJWT==2.15.1', 'cbor2==6.2.1'];
const TEN = [
  'passports:read',
  'passports:write',
  'agents:read',
  'agents:write',
  'services:read',
  'services:connect',
  'credentials:read',
  'proxy:read',
  'proxy:write',
  'audit:read',
];

/** The table of api.md §3.6, by method and path; null: every token may. */
function scopeOf(method: string, path: string): string | null {
  const read = method === 'GET';
  const under = (root: string): boolean => path === root || path.startsWith(`${root}/`);
  if (path === '/v1/me') return null;
  if (under('/v1/agents')) return read ? 'agents:read' : 'agents:write';
  if (under('/v1/passports') || under('/v1/missions')) return read ? 'passports:read' : 'passports:write';
  if (under('/v1/services') || under('/v1/named-intents')) return read ? 'services:read' : 'services:connect';
  if (under('/v1/credentials')) return 'credentials:read';
  if (path === '/v1/proxy/operations/get' || path === '/v1/proxy/usage' || under('/v1/scan')) return 'proxy:read';
  if (path === '/v1/proxy' || under('/v1/forward')) return 'proxy:write';
  if (/^\/v1\/intents\/:id\/(approve|reject)$/.test(path)) return 'approvals:decide';
  if (under('/v1/intents')) return read ? 'proxy:read' : 'proxy:write';
  if (under('/v1/audit') || (under('/v1/security-events') && read) || path === '/v1/events/stream') return 'audit:read';
  return 'api';
}

const platform = testPlatform();
const gateway = lateBusOf(() => platform.constellation, 'gateway');
const pages = pagesOver(gateway.get);
after(() => gateway.close());

const post = (path: string, form: Record<string, string>): Promise<Answer> => postForm(platform.baseUrl, path, form);
const NO_GRANT = [400, 'invalid_grant'];
const ENDED = [401, 'UNAUTHORIZED', 'session_ended'];

async function person(): Promise<{ acme: TestOperator } & SignedIn> {
  const acme = await platform.newOperator();
  return { acme, ...(await signIn(platform.baseUrl, acme.login_url)) };
}

test('an agent exchanges its passport for the next one, as by refresh, with its own JWT and no other credential', async () => {
  const { acme, session } = await person();
  const agent = await enrolledAgent(acme.api);
  const { passport } = await startMission(acme.api, agent.id, { intent_services: [] });
  const form = {
    grant_type: TOKEN_EXCHANGE,
    subject_token: passport.token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    client_id: 'sallyport-cli',
  };
  const exchange = (bearer: string | null, more: Record<string, string> = {}): Promise<Answer> =>
    postForm(platform.baseUrl, '/oauth/token', { ...form, ...more }, bearer === null ? {} : { authorization: `Bearer ${bearer}` });
  for (const bearer of [null, acme.api_key, session, passport.token])
    assert.equal((await exchange(bearer)).status === 200, false, String(bearer));
  assert.deepEqual(oauthError(await exchange(agent.jwt(), { subject_token_type: 'jwt' })), [400, 'invalid_request']);
  assert.deepEqual(oauthError(await exchange(agent.jwt(), { subject_token: `${passport.token}x` })), NO_GRANT);
  const stranger = await enrolledAgent(acme.api, { name: 'stranger' });
  assert.deepEqual(oauthError(await exchange(stranger.jwt())), NO_GRANT);
  const jwt = agent.jwt();
  const answer = await exchange(jwt);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.issued_token_type, form.subject_token_type);
  const verified = await platform.api()('POST', '/v1/passports/verify', { token: answer.body.access_token });
  assert.equal(verified.body.valid, true, JSON.stringify(verified.body));
  assert.deepEqual(
    oauthError(await exchange(jwt, { subject_token: answer.body.access_token })),
    [400, 'invalid_request'],
    'the JWT was used',
  );
  assert.deepEqual(oauthError(await exchange(agent.jwt())), NO_GRANT, 'superseded');
});

test('sessions and tokens make proxied calls inside their scopes, and none after their end', async () => {
  const { acme, session, api } = await person();
  const upstream = await startUpstream();
  try {
    upstream.routes.set('/repos/acme/sandbox/issues', (_request, response) => json(response, 200, { fine: true }));
    await connectGithub(acme.api, upstream.url);
    const agent = await acme.api('POST', '/v1/agents/register', { name: 'without-key' });
    const { passport } = await startMission(acme.api, agent.body.id);
    const call = (bearer: string, method: string): Promise<Answer> =>
      platform.api(bearer)(
        'POST',
        '/v1/proxy',
        { service: 'github', method, url: 'https://api.github.com/repos/acme/sandbox/issues', ...(method === 'GET' ? {} : { body: {} }) },
        { 'x-passport-token': passport.token },
      );
    const by = async (scope: string): Promise<string> => (await tokensByCode(platform.baseUrl, pages, session, scope)).access_token;
    const [reads, writes, neither, all] = [await by('proxy:read'), await by('proxy:write'), await by('agents:write'), await by('api')];
    for (const bearer of [session, reads, all]) assert.equal((await call(bearer, 'GET')).status, 200);
    for (const bearer of [session, writes, all]) assert.equal((await call(bearer, 'POST')).status, 200);
    const before = upstream.seen.length;
    for (const [bearer, method, needed] of [
      [reads, 'POST', 'proxy:write'],
      [writes, 'GET', 'proxy:read'],
      [neither, 'GET', 'proxy:read'],
    ] as const) {
      const refused = await call(bearer, method);
      assert.deepEqual([...why(refused), refused.body.error.metadata.needed], [403, 'FORBIDDEN', 'scope', needed]);
    }
    const other = await person();
    assert.deepEqual(why(await call(other.session, 'GET')), [401, 'UNAUTHORIZED', 'wrong_credential_kind']);
    await post('/oauth/revoke', { token: all });
    assert.deepEqual(why(await call(all, 'GET')), ENDED);
    assert.equal((await api('POST', '/v1/auth/logout')).status, 200);
    assert.deepEqual(why(await call(session, 'GET')), ENDED);
    assert.equal(upstream.seen.length, before, 'nothing of these went upstream');
    assert.equal((await call(reads, 'GET')).status, 200);
  } finally {
    await upstream.stop();
  }
});

for (const version of ['4.0.0', '1.4.0']) {
  test(`the published client ${version} signs in by tokens, by its credentials file and by session, and loses all with a stolen token`, {
    skip: python.skip,
  }, async () => {
    const { session } = await person();
    const tokens = await tokensByCode(platform.baseUrl, pages, session, TEN.join(' '));
    const interpreter = await pythonEnvironment(python.path, { install: [`getstack==${version}`, ...CLIENT_NEEDS] });
    const home = await scratchFolder('home');
    const given = { ...tokens, client_id: tokens.program.client_id, session };
    const done = await runPython(interpreter, [join(ROOT, 'e2e/published-client/oauth_walk.py')], {
      cwd: home,
      env: { HOME: home, STACK_TEST_URL: platform.baseUrl, STACK_TEST_TOKENS: JSON.stringify(given) },
    });
    assert.equal(done.code, 0, `${done.stdout}\n${done.stderr.slice(-4000)}`);
    const lines = done.stdout.trim().split('\n');
    const steps = Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ step, value }) => [step, value]));
    assert.deepEqual(steps, {
      version,
      registered: true,
      refreshed: true,
      rotated: true,
      scope: 'api',
      file: true,
      file_rotated: true,
      file_mode: '0o600',
      file_again: true,
      session: true,
      session_async: true,
      stolen: 'invalid_grant',
      family: 'session_ended',
    });
    removeFolder(home);
  });
}

test('44. a token opens what the table gives its scopes and nothing else', async () => {
  const { session } = await person();
  const held = [TEN, ['api'], ['mcp'], ['approvals:decide'], ...TEN.map((scope) => [scope])];
  const bus = await gateway.get();
  const doors = operations().filter(({ http, who }) => http !== undefined && !who.includes('-'));
  assert.ok(doors.length > 50);
  for (const scopes of held) {
    const { access_token, scope } = await tokensByCode(platform.baseUrl, pages, session, scopes.join(' '));
    assert.deepEqual(scope.split(' ').sort(), [...scopes].sort());
    const api = apiOf(platform.baseUrl, access_token);
    for (const operation of doors) {
      const { http } = operation;
      assert.ok(http);
      const needed = scopeOf(http.method, http.path);
      const open = needed === null || scopes.includes(needed) || (scopes.includes('api') && !['approvals:decide', 'mcp'].includes(needed));
      const what = `${scopes.join(' ')}: ${http.method} ${http.path}`;
      if (operation.owner !== 'gateway') {
        // Its owner decides, whatever the rest of the call is like.
        const params = Object.fromEntries([...http.path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, 'x']));
        const call = {
          operation: operation.name,
          bearer: { kind: 'jwt', token: access_token },
          params,
          query: {},
          body: { x: [] },
        } as const;
        const answer = await ask(bus, operation, { ...call, request_id: newId('request', Date.now()) }, { timeout_ms: 10_000 });
        const denied = answer.ok ? null : answer.denial;
        const told = denied?.metadata?.['reason'] === 'scope' ? [denied.code, denied.metadata['needed']] : null;
        assert.deepEqual(told, open ? null : ['FORBIDDEN', needed], `${what}: ${JSON.stringify(denied)}`);
      }
      if (http.method === 'GET' && !http.path.includes(':') && !http.path.endsWith('/stream')) {
        const answer = await api('GET', http.path);
        assert.deepEqual(answer.status === 403 && answer.body.error.metadata.reason === 'scope', !open, `${what}: ${answer.status}`);
      }
    }
  }
});

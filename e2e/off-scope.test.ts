/** Off scope: refused before any upstream traffic, audited, signalled; the enforced passport dies (api.md acceptance 16, 17). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from './support/agent.ts';
import { type Api, apiOf } from './support/api.ts';
import { type TestOperator, testPlatform } from './support/platform.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

const platform = testPlatform();
let acme: TestOperator;
let upstream: Upstream;
let operator: Api;
let agent: TestAgent;

before(async () => {
  [, upstream] = await Promise.all([platform.ready(), startUpstream()]);
  acme = await platform.newOperator();
  operator = acme.api;
  await connectGithub(operator, upstream.url);
  const slack = await operator('POST', '/v1/services/connect', { service_id: 'slack', oauth_token: 'xoxb-test', scopes: ['chat:write'] });
  assert.equal(slack.status, 201, JSON.stringify(slack.body));
  agent = await enrolledAgent(operator);
});
after(async () => {
  await upstream?.stop();
});

const call = (token: string, body: Record<string, unknown>) =>
  apiOf(platform.baseUrl, agent.jwt())('POST', '/v1/proxy', { service: 'github', method: 'GET', ...body }, { 'x-passport-token': token });

const inside = 'https://api.github.com/repos/acme/sandbox/issues';
const cases: { name: string; body: Record<string, unknown>; status: number; code: string; reason?: string; signal: string | null }[] = [
  {
    name: 'another provider',
    body: { service: 'notion', url: 'https://api.notion.com/v1/users/me' },
    status: 403,
    code: 'FORBIDDEN',
    reason: 'service_out_of_scope',
    signal: 'service',
  },
  {
    name: 'another host',
    body: { url: 'https://evil.example/repos/acme/sandbox/issues' },
    status: 403,
    code: 'DESTINATION_FORBIDDEN',
    reason: 'host_not_bound',
    signal: 'host',
  },
  {
    name: 'another repository',
    body: { url: 'https://api.github.com/repos/acme/other/issues' },
    status: 403,
    code: 'FORBIDDEN',
    reason: 'resource_out_of_scope',
    signal: 'resource',
  },
  {
    name: 'another repository behind the allowed prefix, by ..',
    body: { url: `${inside}/../../other/issues` },
    status: 403,
    code: 'FORBIDDEN',
    reason: 'resource_out_of_scope',
    signal: 'resource',
  },
  {
    name: 'another repository behind the allowed prefix, by %2e%2e',
    body: { url: `${inside}/%2e%2e/%2E%2e/other/issues` },
    status: 403,
    code: 'FORBIDDEN',
    reason: 'resource_out_of_scope',
    signal: 'resource',
  },
  {
    name: 'a dot segment in an escaped slash',
    body: { url: `${inside}/..%2f..%2fother` },
    status: 400,
    code: 'INVALID_REQUEST',
    signal: null,
  },
  ...['..;/..;x=y/other/issues', '%252e%252e%252f%252e%252e%252fother', '..%00/..%20/other', '\uff0e\uff0e/%c0%ae%c0%ae/other'].map(
    (path) => ({
      name: `a dot segment that another server may see in ${JSON.stringify(path)}`,
      body: { url: `${inside}/${path}` },
      status: 400,
      code: 'INVALID_REQUEST',
      signal: null,
    }),
  ),
  { name: 'a relative URL', body: { url: '/repos/acme/sandbox/issues' }, status: 400, code: 'INVALID_REQUEST', signal: null },
];

for (const one of cases) {
  test(`${one.name} is refused before any upstream traffic`, async () => {
    const { passport } = await startMission(operator, agent.id);
    const [seen, connections] = [upstream.seen.length, upstream.connections()];

    const refused = await call(passport.token, one.body);
    assert.equal(refused.status, one.status, JSON.stringify(refused.body));
    assert.equal(refused.body.error.code, one.code);
    assert.equal(refused.headers.get('x-sallyport-error'), one.code);
    if (one.reason) assert.equal(refused.body.error.metadata.reason, one.reason);

    const next = await call(passport.token, { url: inside, query: { state: 'open' } });
    if (one.signal === null) {
      assert.equal(next.status, 200, JSON.stringify(next.body));
      return;
    }
    assert.equal(next.status, 401, JSON.stringify(next.body));
    assert.equal(next.body.error.code, 'PASSPORT_REVOKED');
    assert.match(next.body.error.metadata.reason, /^credential_outside_scope_fire: /);
    assert.equal(upstream.seen.length, seen);
    assert.equal(upstream.connections(), connections);

    const event = await eventually(async () => {
      const listed = await operator('GET', '/v1/security-events?limit=100');
      return listed.body.events.find((found: { passport_jti: string }) => found.passport_jti === passport.jti) ?? false;
    });
    assert.equal(event.signal_type, 'credential_outside_scope');
    assert.equal(event.code, one.signal);
    assert.equal(event.severity, 'critical');
    assert.equal(event.metadata.upstream_contacted, false);

    const rows = await eventually(async () => {
      const audit = await operator('GET', `/v1/audit?passport_jti=${passport.jti}&limit=100`);
      return audit.body.entries.some((row: { action: string }) => row.action === 'passport.revoke') && audit.body.entries;
    });
    assert.ok(rows.some((row: { action: string; outcome: string }) => row.action === 'credential.proxy' && row.outcome === 'blocked'));
  });
}

test('a refusal says what the mission declared and what was granted', async () => {
  const { passport } = await startMission(operator, agent.id);
  const refused = await call(passport.token, { service: 'notion', url: 'https://api.notion.com/v1/users/me' });
  assert.deepEqual(refused.body.error.metadata.intent_services, ['github']);
  assert.deepEqual(refused.body.error.metadata.granted_providers, ['github']);
  const declared = await startMission(operator, agent.id, { intent_services: ['github', 'notion'] });
  const ungranted = await call(declared.passport.token, { service: 'notion', url: 'https://api.notion.com/v1/users/me' });
  assert.equal(ungranted.body.error.metadata.reason, 'service_not_granted');
});

test('what every step left behind is one chain that verifies', async () => {
  const verified = await operator('GET', '/v1/audit/verify-chain');
  assert.equal(verified.body.valid, true, JSON.stringify(verified.body));
  assert.ok(verified.body.entries_checked > 20);
});

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { catalogueServices, findService, publicService } from '../src/catalogue/catalogue.ts';
import { injectionOf, readCredential } from '../src/domain/credential.ts';
import { approvalLoosened, loosenings } from '../src/domain/loosening.ts';
import { withConnection, withDefault, withoutConnection } from '../src/domain/provider.ts';
import { narrows, optionsOf, planConnect, planUpdate, refuseAdminFields, refuseReach } from '../src/domain/update.ts';

const connection: Connection = {
  id: 'scon_a',
  service_id: 'svc_github',
  provider: 'github',
  label: null,
  status: 'active',
  verification: 'verified',
  verified_at: '2026-06-01T09:00:00.000Z',
  scopes: ['repo'],
  hosts: ['api.github.com', 'uploads.github.com'],
  base_url: 'https://api.github.com',
  default: true,
  proxy_enabled: true,
  allow_http: false,
  allow_private_networks: false,
  upstream_override: null,
  propagate_trace: false,
  placeholders: {},
  default_access: 'all_agents',
  default_approval: 'never',
  baseline_constraints: [{ path: 'method', op: 'eq', value: 'GET' }],
  credential_ref: 'cred_a',
  connected_by: { type: 'operator', id: 'op_a' },
  connected_at: '2026-06-01T09:00:00.000Z',
  updated_at: '2026-06-01T09:00:00.000Z',
};
const ask = { becomesDefault: false, credentialRef: null, now: '2026-06-02T09:00:00.000Z' };
const member = (role: Principal['role'], allowed: string[] | null = null): Principal => ({
  type: 'member',
  id: 'mem_a',
  operator_id: 'op_a',
  role,
  credential: 'member_key',
  allowed_connections: allowed,
  scopes: null,
  target: '',
});
const fieldsOf = (planned: ReturnType<typeof planUpdate>): unknown =>
  'deny' in planned ? planned.deny.metadata?.['fields'] : planned.changed;

test('every catalogue entry can be injected and bears exactly the built-in slugs', () => {
  deepEqual(
    catalogueServices().map(({ provider }) => provider),
    ['github', 'slack', 'openai', 'stripe', 'notion', 'linear', 'gmail'],
  );
  for (const service of catalogueServices()) {
    const read = readCredential(service, 'secret-value');
    ok(read.ok);
    const injection = injectionOf(service, read.credential, 'cred_a');
    ok(injection?.inject.headers['authorization']?.includes('secret-value'));
    deepEqual(injection?.secrets, ['secret-value']);
    const planned = planConnect({ ...connection, hosts: [...service.hosts], base_url: service.base_url }, {});
    ok(!('deny' in planned), service.provider);
  }
  equal(publicService(catalogueServices()[0]!).oauth_configured, false);
  equal(findService('svc_slack'), findService('slack'));
  equal(findService('__proto__'), null);
});

test('headers of the connection alone are dropped from the caller even when their field is not set', () => {
  const openai = findService('openai');
  ok(openai);
  const bare = readCredential(openai, 'sk-1');
  ok(bare.ok);
  const injection = injectionOf(openai, bare.credential, 'cred_a');
  deepEqual(injection?.drop_headers, ['authorization', 'openai-organization', 'openai-project']);
  deepEqual(Object.keys(injection?.inject.headers ?? {}), ['authorization']);
  const full = readCredential(openai, { api_key: 'sk-1', organization: 'org-1' });
  ok(full.ok);
  equal(injectionOf(openai, full.credential, 'cred_a')?.inject.headers['openai-organization'], 'org-1');
});

test('a Linear key goes bare, a Linear OAuth token as bearer', () => {
  const linear = findService('linear');
  ok(linear);
  for (const [kind, header] of [
    [null, 'lin_1'],
    ['oauth2', 'Bearer lin_1'],
  ] as const) {
    const read = readCredential(linear, 'lin_1', kind);
    ok(read.ok);
    equal(injectionOf(linear, read.credential, 'cred_a')?.inject.headers['authorization'], header);
  }
});

test('a credential that could end a header line, an unknown field and a missing one are refused by name alone', () => {
  const github = findService('github');
  ok(github);
  for (const bad of ['a\r\nX: y', 'a\n', ' a', 'ä', '']) {
    const read = readCredential(github, bad);
    ok(!read.ok);
    ok(!JSON.stringify(read.problems).includes('X: y'));
  }
  const read = readCredential(github, { token: 'a', other: 'b' });
  deepEqual(read.ok ? null : read.problems, [{ path: 'credential.other', rule: 'unknown_field' }]);
});

test('where a secret may go changes only together with the secret', () => {
  for (const options of [
    { hosts: ['evil.example'], base_url: null },
    { upstream_override: 'https://evil.example' },
    { allow_http: true },
    { allow_private_networks: true },
  ]) {
    deepEqual(fieldsOf(planUpdate(connection, options, ask)), [{ path: 'credential', rule: 'credential_required' }]);
    const planned = planUpdate(connection, options, { ...ask, credentialRef: 'cred_b' });
    ok(!('deny' in planned));
    equal(planned.connection.credential_ref, 'cred_b');
    equal(planned.connection.verification, 'unverified');
    ok(planned.changed.includes('credential'));
  }
  const label = planUpdate(connection, { label: 'acme' }, ask);
  deepEqual(fieldsOf(label), ['label']);
  ok(!narrows(['label']) && narrows(['label', 'proxy_enabled']));
  deepEqual(fieldsOf(planUpdate(connection, { allow_http: false }, ask)), []);
});

test('hosts, addresses, placeholders, constraints and approval are judged when they are written', () => {
  const planned = planConnect(connection, {
    hosts: ['*.com', 'api.github.com'],
    base_url: 'https://elsewhere.example/v1',
    upstream_override: 'ftp://x',
    placeholders: { instance_url: 'a b', other: 'x' },
    baseline_constraints: [{ path: 'method', op: 'matches', value: '(' }],
    default_approval: [[{ path: 'nowhere', op: 'eq', value: 1 }]],
  });
  deepEqual('deny' in planned && planned.deny.metadata?.['fields'], [
    { path: 'hosts.0', rule: 'host' },
    { path: 'base_url', rule: 'host_not_bound' },
    { path: 'upstream_override', rule: 'scheme' },
    { path: 'placeholders.instance_url', rule: 'url_characters' },
    { path: 'placeholders.other', rule: 'unknown_field' },
    { path: 'baseline_constraints.0.value', rule: 'pattern' },
    { path: 'default_approval.0.0.path', rule: 'path' },
  ]);
});

test('null clears a nullable field in a PATCH and is absent anywhere else', () => {
  deepEqual(optionsOf({ label: null, hosts: null, upstream_override: null }, true), { label: null, upstream_override: null });
  deepEqual(optionsOf({ label: null, hosts: null }, false), {});
});

test('the first connection of a provider is its default, and there is exactly one while there is any', () => {
  const none = { connections: [], default_connection_id: null };
  const one = withConnection(none, 'a', false);
  equal(one.default_connection_id, 'a');
  const two = withConnection(one, 'b', false);
  equal(two.default_connection_id, 'a');
  equal(withConnection(one, 'b', true).default_connection_id, 'b');
  equal(withDefault(two, 'b').default_connection_id, 'b');
  deepEqual(withoutConnection(two, 'a'), { connections: ['b'], default_connection_id: 'b' });
  deepEqual(withoutConnection(one, 'a'), none);
});

test('weaker approval and a removed baseline constraint are loosenings; tighter ones are not', () => {
  const set = (value: string): { path: string; op: 'eq'; value: string }[] => [{ path: 'method', op: 'eq', value }];
  ok(approvalLoosened('always', 'writes') && approvalLoosened('writes', 'never') && approvalLoosened('writes', [set('GET')]));
  ok(!approvalLoosened('never', 'writes') && !approvalLoosened('writes', 'always') && !approvalLoosened('writes', 'writes'));
  ok(approvalLoosened([set('GET'), set('PUT')], [set('GET')]));
  ok(!approvalLoosened([set('GET')], [set('PUT'), set('GET')]));
  deepEqual(loosenings(connection, { ...connection, baseline_constraints: [] }), ['baseline_constraints']);
  deepEqual(loosenings(connection, { ...connection, baseline_constraints: [...connection.baseline_constraints, ...set('PUT')] }), []);
});

test('network options take an admin, and a member reaches only allowed connections', () => {
  equal(refuseAdminFields(member('standard'), { upstream_override: null })?.metadata?.['reason'], 'role');
  equal(refuseAdminFields(member('admin'), { allow_http: true }), null);
  equal(refuseReach(member('admin', ['slack']), connection)?.metadata?.['reason'], 'connection_not_allowed');
  equal(refuseReach(member('admin', ['github']), connection), null);
  equal(refuseReach(member('admin', ['scon_a']), connection), null);
});

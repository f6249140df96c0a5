/** What loosens a protection takes a person (api.md §3.2 "Governance"): each line of its table, by every credential, before and after the first sign-in. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connectGithub } from '../support/agent.ts';
import { type Answer, type Api, readSince } from '../support/api.ts';
import { lateBusOf } from '../support/host.ts';
import { newEmail, type TestOperator, testPlatform } from '../support/platform.ts';
import { pagesOver, signIn, tokensByCode } from '../support/sign-in.ts';

const platform = testPlatform();

const gateway = lateBusOf(() => platform.constellation, 'gateway');
const pages = pagesOver(gateway.get);
after(() => gateway.close());

/** The owner signs in: the operator's first run is over. */
async function someoneSignedIn({ login_url }: TestOperator): Promise<void> {
  await signIn(platform.baseUrl, login_url);
}

type Request = [method: string, path: string, body?: unknown];

/** One line of the table: what is there, the change that loosens it, and the one that tightens it again. */
interface Line {
  loosens: string[];
  /** What is compared. */
  shown: string;
  change: Request;
  opposite: Request | null;
}

const rule = (value: string): { path: string; op: string; value: string } => ({ path: 'url.pathname', op: 'starts_with', value });

const LINES: Record<string, (api: Api) => Promise<Line>> = {
  'agent: a block by an operator is lifted': async (api) => {
    const id = await agent(api);
    await ok(api('POST', `/v1/passports/revoke-agent/${id}`, { block_agent: true }));
    const path = `/v1/agents/${id}`;
    return {
      loosens: ['passport_blocked'],
      shown: path,
      change: ['POST', `${path}/unblock`, { comment: 'fine' }],
      opposite: ['POST', `/v1/passports/revoke-agent/${id}`, { block_agent: true }],
    };
  },
  'agent: accountability_mode is lowered': (api) => agentLine(api, { accountability_mode: 'logged' }, { accountability_mode: 'enforced' }),
  'agent: bind_resources is switched off': (api) => agentLine(api, { bind_resources: 'off' }, { bind_resources: 'auto' }),
  'agent: credential_access is widened': (api) => agentLine(api, { credential_access: 'direct' }, { credential_access: 'proxy_only' }),
  'agent: allowed_connections are widened': (api) => agentLine(api, { allowed_connections: null }, { allowed_connections: [] }),
  'grant: approval is made weaker': (api) => grantLine(api, { approval: 'writes' }, { approval: 'never' }, ['approval']),
  'grant: approval from one list of sets to one that lost a set': (api) =>
    grantLine(api, { approval: [[rule('/a')], [rule('/b')]] }, { approval: [[rule('/a')]] }, ['approval']),
  'grant: a lower quorum': async (api) =>
    grantLine(api, { approval_rule: { quorum: 2 } }, { approval_rule: { quorum: 1 } }, ['approval_rule']),
  'grant: a role more may decide': (api) =>
    grantLine(api, { approval_rule: { approver_roles: ['owner'] } }, { approval_rule: { approver_roles: ['owner', 'admin'] } }, [
      'approval_rule',
    ]),
  'grant: four_eyes is switched off': (api) =>
    grantLine(api, { approval_rule: { four_eyes: true } }, { approval_rule: { four_eyes: false } }, ['approval_rule']),
  'grant: approvals live longer': (api) =>
    grantLine(api, { approval_rule: { approved_ttl_seconds: 60 } }, { approval_rule: { approved_ttl_seconds: 600 } }, ['approval_rule']),
  'grant: a constraint is removed': (api) => grantLine(api, { constraints: [rule('/repos/acme/')] }, { constraints: [] }, ['constraints']),
  'grant: a named intent is removed': (api) =>
    grantLine(api, { intents: [{ name: 'github.list_issues', params: { owner: 'acme', repo: 'sandbox' } }] }, {}, ['constraints']),
  'grant: an alternative more': (api) => grantLine(api, { any_of: [[rule('/a')]] }, { any_of: [[rule('/a')], [rule('/b')]] }, ['any_of']),
  'grant: the alternatives are gone': (api) => grantLine(api, { any_of: [[rule('/a')]] }, { any_of: [] }, ['any_of']),
  'grant: a new one with less approval than its connection': async (api) => {
    const { id } = await github(api, { default_approval: 'always' });
    const path = `/v1/agents/${await agent(api)}`;
    return {
      loosens: ['approval'],
      shown: `${path}/permissions`,
      change: ['PUT', `${path}/grants/${id}`, { approval: 'writes' }],
      opposite: null,
    };
  },
  'connection: default_approval is made weaker': (api) =>
    connectionLine(api, { default_approval: 'always' }, { default_approval: 'never' }),
  'connection: a baseline constraint is removed': (api) =>
    connectionLine(api, { baseline_constraints: [rule('/repos/')] }, { baseline_constraints: [] }),
  'operator: keys may approve': (api) => operatorLine(api, { api_keys_may_approve: true }, { api_keys_may_approve: false }),
  'operator: raw_reads is widened': (api) => operatorLine(api, { raw_reads: 'members' }, { raw_reads: 'off' }),
  'operator: default_credential_access is widened': (api) =>
    operatorLine(api, { default_credential_access: 'direct' }, { default_credential_access: 'proxy_only' }),
  'operator: approvals live longer': (api) => operatorLine(api, { approved_ttl_seconds: 900 }, { approved_ttl_seconds: 300 }),
  'team: somebody is invited': async () => ({
    loosens: ['member'],
    shown: '/v1/team/members',
    change: ['POST', '/v1/team/members', { email: newEmail(), name: 'Eve' }],
    opposite: null,
  }),
  'team: a role is raised': (api) => memberLine(api, { role: 'standard' }, { role: 'readonly' }, 'role'),
  'team: allowed_connections are widened': (api) =>
    memberLine(api, { allowed_connections: ['github', 'slack'] }, { allowed_connections: ['github'] }, 'allowed_connections'),
};

async function ok(answer: ReturnType<Api>): Promise<Awaited<ReturnType<Api>>['body']> {
  const { status, body } = await answer;
  assert.ok(status < 300, JSON.stringify(body));
  return body;
}

async function agent(api: Api, fields: Record<string, unknown> = {}): Promise<string> {
  return (await ok(api('POST', '/v1/agents/register', { name: 'an-agent', ...fields }))).id;
}

const github = (api: Api, more: Record<string, unknown> = {}): ReturnType<typeof connectGithub> =>
  connectGithub(api, 'http://127.0.0.1:9', more);

async function agentLine(api: Api, loose: Record<string, unknown>, tight: Record<string, unknown>): Promise<Line> {
  const path = `/v1/agents/${await agent(api, tight)}`;
  const description = 'the harmless rest';
  return { loosens: Object.keys(loose), shown: path, change: ['PATCH', path, { ...loose, description }], opposite: ['PATCH', path, tight] };
}

async function grantLine(api: Api, tight: Record<string, unknown>, loose: Record<string, unknown>, loosens: string[]): Promise<Line> {
  const { id } = await github(api);
  const path = `/v1/agents/${await agent(api)}`;
  const grant = `${path}/grants/${id}`;
  await ok(api('PUT', grant, tight));
  return { loosens, shown: `${path}/permissions`, change: ['PUT', grant, { ...loose, scopes: ['repo'] }], opposite: ['PUT', grant, tight] };
}

async function connectionLine(api: Api, tight: Record<string, unknown>, loose: Record<string, unknown>): Promise<Line> {
  const path = `/v1/services/connections/${(await github(api, tight)).id}`;
  return {
    loosens: Object.keys(loose),
    shown: path,
    change: ['PATCH', path, { ...loose, label: 'rest' }],
    opposite: ['PATCH', path, tight],
  };
}

async function operatorLine(_api: Api, loose: Record<string, unknown>, tight: Record<string, unknown>): Promise<Line> {
  const path = '/v1/operator';
  const loosens = Object.keys(loose).map((name) => `settings.${name}`);
  return {
    loosens,
    shown: path,
    change: ['PATCH', path, { name: 'The harmless rest', settings: { ...loose, pending_ttl_seconds: 60 } }],
    opposite: ['PATCH', path, { settings: tight }],
  };
}

async function memberLine(api: Api, loose: Record<string, unknown>, tight: Record<string, unknown>, field: string): Promise<Line> {
  const { id } = await ok(api('POST', '/v1/team/members', { email: newEmail(), name: 'Mo', ...tight }));
  const path = `/v1/team/members/${id}`;
  return {
    loosens: [field],
    shown: '/v1/team/members',
    change: ['PATCH', path, { ...loose, name: 'Rest' }],
    opposite: ['PATCH', path, tight],
  };
}

/** A write of this moment. */
const mark = (api: Api): Promise<Answer> => api('POST', '/v1/agents/register', { name: 'a-mark' });

/** Not older than a write: lists come from read models. */
async function shownBy(api: Api, { shown }: Line, written: Answer): Promise<unknown> {
  const body = await ok(readSince(api, shown, written));
  // What using a credential itself changes.
  return JSON.parse(JSON.stringify(body, (name, value: unknown) => (name === 'last_seen_at' ? undefined : value)));
}

for (const [name, line] of Object.entries(LINES)) {
  test(`45. ${name}: once somebody has signed in, keys and tokens that may not decide are refused and nothing is applied; an admin's session does it`, async () => {
    const acme = await platform.newOperator();
    const admin = await acme.memberKey('admin');
    await acme.memberKey('owner');
    const made = await line(acme.api);
    await someoneSignedIn(acme);
    const { session, api: person } = await admin.signIn();
    const { access_token } = await tokensByCode(platform.baseUrl, pages, session, 'api');
    const last = await mark(acme.api);

    const inForce = await shownBy(acme.api, made, last);
    const refusedTo = { 'operator key': acme.api, 'member key': admin.api, 'access token': platform.api(access_token) };
    for (const [kind, api] of Object.entries(refusedTo)) {
      const refused = await api(...made.change);
      assert.equal(refused.status, 403, `${kind}: ${JSON.stringify(refused.body)}`);
      assert.equal(refused.body.error.code, 'GOVERNANCE_APPROVAL_REQUIRED', kind);
      assert.deepEqual(refused.body.error.metadata.loosens, made.loosens, kind);
      assert.deepEqual(await shownBy(acme.api, made, last), inForce, `${kind}: something was applied`);
    }
    const changed = await person(...made.change);
    assert.ok(changed.status < 300, JSON.stringify(changed.body));
    assert.notDeepEqual(await shownBy(acme.api, made, changed), inForce);
    if (made.opposite) await ok(acme.api(...made.opposite));
  });

  test(`45. ${name}: before the first sign-in the operator key does it, a member key does not, and the opposite needs nobody`, async () => {
    const acme = await platform.newOperator();
    const admin = await acme.memberKey('admin');
    await acme.memberKey('owner');
    const made = await line(acme.api);
    const inForce = await shownBy(acme.api, made, await mark(acme.api));

    const refused = await admin.api(...made.change);
    assert.equal(refused.body.error?.code, 'GOVERNANCE_APPROVAL_REQUIRED', JSON.stringify(refused.body));
    const changed = await acme.api(...made.change);
    assert.ok(changed.status < 300, JSON.stringify(changed.body));
    assert.notDeepEqual(await shownBy(acme.api, made, changed), inForce);
    if (made.opposite) await ok(admin.api(...made.opposite));
  });
}

test('45. where keys may approve, a member key loosens and the operator key does not', async () => {
  const acme = await platform.newOperator();
  const admin = await acme.memberKey('admin');
  await ok(acme.api('PATCH', '/v1/operator', { settings: { api_keys_may_approve: true } }));
  const id = await agent(acme.api);
  await someoneSignedIn(acme);
  const change: Request = ['PATCH', `/v1/agents/${id}`, { credential_access: 'direct' }];
  assert.equal((await acme.api(...change)).body.error.code, 'GOVERNANCE_APPROVAL_REQUIRED');
  assert.equal((await ok(admin.api(...change))).credential_access, 'direct');
});

test('45. an access token that may decide loosens within its role, and the bearer of a standard member does not manage the team', async () => {
  const acme = await platform.newOperator();
  const standard = await acme.memberKey('standard');
  const { session } = await standard.signIn();
  const { access_token } = await tokensByCode(platform.baseUrl, pages, session, 'api approvals:decide');
  const id = await agent(acme.api);
  assert.equal(
    (await ok(platform.api(access_token)('PATCH', `/v1/agents/${id}`, { credential_access: 'direct' }))).credential_access,
    'direct',
  );
  const refused = await platform.api(access_token)('POST', '/v1/team/members', { email: newEmail(), name: 'Eve' });
  assert.deepEqual([refused.status, refused.body.error.metadata.reason], [403, 'role']);
});

test('45. a block by an operator takes an admin, not only a person', async () => {
  const acme = await platform.newOperator();
  const standard = await acme.memberKey('standard');
  const id = await agent(acme.api);
  await ok(acme.api('POST', `/v1/passports/revoke-agent/${id}`, { block_agent: true }));
  const refused = await standard.api('POST', `/v1/agents/${id}/unblock`);
  assert.deepEqual([refused.status, refused.body.error.code, refused.body.error.metadata.reason], [403, 'FORBIDDEN', 'role']);
  assert.equal((await ok(acme.api('POST', `/v1/agents/${id}/unblock`))).passport_blocked, false);
  assert.equal((await ok(standard.api('POST', `/v1/agents/${id}/unblock`))).passport_blocked, false, 'idempotent');
});

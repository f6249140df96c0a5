/**
 * What the generated proofs work with: an operator with one object of each kind, and for every operation of the contract a call that is well formed. An operation
 * that is new fails `every operation can be called` until it is described here, and is then in every proof.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeId, type IdKind } from '@sallyport/contracts/ids.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { operations } from '@sallyport/contracts/operations.ts';
import { check } from '@sallyport/contracts/validate.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { enrolledAgent, startMission, type TestAgent } from '../../support/agent.ts';
import type { Answer, Api } from '../../support/api.ts';
import { type TestOperator, type TestPlatform, testPlatform } from '../../support/platform.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { after, before } from 'node:test';

export const platform: TestPlatform = testPlatform({ gateways: 2, own: true });
let upstream: Upstream | undefined;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream?.stop());

export type ObjectKind = 'agent' | 'mission' | 'passport' | 'session' | 'connection' | 'checkout' | 'security_event' | 'member' | 'claim';

/** An operator that has one of each. */
export interface Furnished {
  operator: TestOperator;
  agent: TestAgent;
  ids: Record<ObjectKind, string>;
  passport_token: string;
}

export const HTTP: (Operation & { http: NonNullable<Operation['http']> })[] = operations().flatMap((operation) =>
  operation.http ? [{ ...operation, http: operation.http }] : [],
);
/** Operations of `/v1` whose caller must be somebody and whose owner is behind the edge. */
export const CALLED = HTTP.filter(({ who, owner, http }) => !who.includes('-') && owner !== 'gateway' && http.path.startsWith('/v1/'));

export async function furnish(name: string): Promise<Furnished> {
  const operator = await platform.newOperator(name);
  const { api } = operator;
  const member = await operator.memberKey('readonly');
  const connected = await api('POST', '/v1/services/connect', connectBody());
  assert.equal(connected.status, 201, JSON.stringify(connected.body));
  const agent = await enrolledAgent(api, { name: 'furnished', accountability_mode: 'logged' });
  const seen = await startMission(api, agent.id);
  const passport = await startMission(api, agent.id);
  const call = { service: 'notion', method: 'GET', url: 'https://api.notion.com/v1/users/me' };
  const refused = await platform.api(agent.jwt())('POST', '/v1/proxy', call, { 'x-passport-token': seen.passport.token });
  assert.equal(refused.status, 403, JSON.stringify(refused.body));
  const out = await api('POST', `/v1/passports/${seen.passport.jti}/checkout`, {});
  assert.match(out.body.review_id, /^rev_/);
  // On a busy machine the detectors may need longer than a checkout waits: what they correct then is not a change by a test.
  await eventually(async () => {
    const { body } = await api('GET', `/v1/passports/reviews/${out.body.checkout_id}`);
    assert.equal(body.flags[0].type, 'signal:credential_outside_scope', JSON.stringify(body.flags));
  });
  const event = await eventually(async () => (await api('GET', '/v1/security-events')).body.events[0] ?? false);
  return {
    operator,
    agent,
    passport_token: passport.passport.token,
    ids: {
      agent: agent.id,
      mission: passport.mission_id,
      passport: passport.passport.jti,
      session: passport.passport.session_id,
      connection: connected.body.id,
      checkout: out.body.checkout_id,
      security_event: event.id,
      member: member.member_id,
      claim: makeId('audit', 1_600_000_000_000, new Uint8Array(10)),
    },
  };
}

export function connectBody(): Record<string, unknown> {
  return {
    service_id: 'github',
    oauth_token: 'ghp_test_token',
    scopes: ['repo'],
    upstream_override: upstream?.url ?? '',
    allow_private_networks: true,
  };
}

/** By the segment of the path before a parameter. */
const KIND_BY_SEGMENT: Record<string, ObjectKind> = {
  agents: 'agent',
  missions: 'mission',
  passports: 'passport',
  'revoke-agent': 'agent',
  'revoke-session': 'session',
  reviews: 'checkout',
  services: 'connection',
  connections: 'connection',
  grants: 'connection',
  'security-events': 'security_event',
  members: 'member',
  'operator-reviews': 'claim',
};

/** Names of body fields that hold an id, at any depth. */
export const KIND_BY_FIELD: Record<string, ObjectKind> = {
  agent_id: 'agent',
  child_agent_id: 'agent',
  mission_id: 'mission',
  mission_ids: 'mission',
  jti: 'passport',
  session_id: 'session',
  connection_id: 'connection',
  service_connection_id: 'connection',
  allowed_connections: 'connection',
  checkout_id: 'checkout',
};

export interface PathId {
  name: string;
  kind: ObjectKind;
}

/** The ids in an operation's path. */
export function pathIds({ http, name }: (typeof HTTP)[number]): PathId[] {
  const segments = http.path.split('/');
  return segments.flatMap((segment, index) => {
    if (!segment.startsWith(':')) return [];
    const kind = KIND_BY_SEGMENT[segments[index - 1] ?? ''];
    assert.ok(kind, `${name}: what does ${segment} name? (KIND_BY_SEGMENT)`);
    return [{ name: segment.slice(1), kind }];
  });
}

export function pathOf(operation: (typeof HTTP)[number], idOf: (id: PathId) => string): string {
  return pathIds(operation).reduce((path, id) => path.replace(`:${id.name}`, idOf(id)), operation.http.path);
}

/** A body that the schema takes; `ids`: those that it names. */
type Body = (ids: Record<ObjectKind, string>, f: Furnished) => Record<string, unknown>;

let number = 0;
const BODIES: Record<string, Body> = {
  'agents.register': () => ({ name: `made-${++number}` }),
  'agents.enrol': () => ({
    public_key: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    challenge_id: makeId('challenge', 1, new Uint8Array(10)),
    signed_challenge: 'x'.repeat(86),
  }),
  'services.grant': (ids) => ({ agent_id: ids.agent, service_connection_id: ids.connection, scopes: ['repo'] }),
  'grants.put': () => ({ scopes: ['repo'] }),
  'missions.open': (ids) => ({ agent_id: ids.agent, intent_summary: 'Triage', intent_services: ['github'] }),
  'missions.start': (ids) => ({ agent_id: ids.agent, mission: { intent_summary: 'Triage', intent_services: ['github'] } }),
  'missions.revoke': () => ({ reason: 'operator_initiated_clean' }),
  'operator.freeze': () => ({ reason: 'a test' }),
  'operator.unfreeze': () => ({ reason: 'a test' }),
  'passports.issue': (ids) => ({ agent_id: ids.agent, mission_ids: [ids.mission], intent: { summary: 'Triage', services: ['github'] } }),
  'passports.checkpoint': () => ({ services_used: [], actions_count: 0 }),
  'passports.revoke': (ids) => ({ jti: ids.passport }),
  'passports.delegate': (ids, f) => ({ parent_passport_token: f.passport_token, child_agent_id: ids.agent }),
  'passports.refresh': (_ids, f) => ({ token: f.passport_token }),
  'reviews.decide': () => ({ decision: 'confirmed' }),
  'services.connect': () => ({ service_id: 'github', oauth_token: 'ghp_test_token', scopes: ['repo'] }),
  'services.replace_credential': () => ({ credential: 'ghp_other' }),
  'team.invite': () => ({ email: `invited-${++number}@example.com`, name: 'Invited' }),
};

export function bodyOf(operation: Operation, ids: Record<ObjectKind, string>, f: Furnished): Record<string, unknown> | undefined {
  if (!operation.body) return undefined;
  return BODIES[operation.name]?.(ids, f) ?? {};
}

/** Well formed, made long ago, and nobody's. */
export function unknownIds(): Record<ObjectKind, string> {
  const id = (kind: IdKind): string => makeId(kind, 1_600_000_000_000, new Uint8Array(10).fill(7));
  return {
    agent: id('agent'),
    mission: id('mission'),
    passport: id('passport'),
    session: id('session'),
    connection: id('connection'),
    checkout: id('checkout'),
    security_event: id('security_event'),
    member: id('member'),
    claim: id('audit'),
  };
}

export async function callAs(api: Api, operation: (typeof HTTP)[number], ids: Record<ObjectKind, string>, f: Furnished): Promise<Answer> {
  const path = pathOf(operation, ({ kind }) => ids[kind]);
  return api(operation.http.method, path, bodyOf(operation, ids, f));
}

test('every operation can be called', async () => {
  const f = await furnish('described');
  for (const operation of CALLED) {
    pathIds(operation);
    if (!operation.body) continue;
    const body = bodyOf(operation, f.ids, f);
    assert.deepEqual(check(operation.body, body), [], `${operation.name}: give it a body in BODIES`);
  }
});

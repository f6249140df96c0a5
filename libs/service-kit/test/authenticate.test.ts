import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BusCall } from '@sallyport/contracts/call.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { PrincipalView } from '@sallyport/contracts/objects/views.ts';
import { type Authentication, createAuthenticator } from '../src/authenticate.ts';
import { AGENT_ID, agent, agentJwt, call, KEY_HASH, member, NOW } from './support/callers.ts';

interface Known {
  holder?: PrincipalView;
  agent?: Agent;
}

function authenticate(given: BusCall, known: Known, operation: { single_use?: boolean } = {}): Promise<Authentication> {
  return createAuthenticator({
    resolvePrincipal: async (sha256) => (sha256 === KEY_HASH ? (known.holder ?? null) : null),
    resolveToken: async () => null,
    resolveAgent: async (id) => (known.agent && id === AGENT_ID ? { position: 1, agent: known.agent } : null),
    now: () => NOW,
  })(given, operation);
}

function refusal(outcome: Authentication): unknown[] {
  return 'denial' in outcome ? [outcome.denial.code, outcome.denial.metadata?.['reason']] : ['let in'];
}

const jwt = (token: string, more: Partial<BusCall> = {}): BusCall => call({ bearer: { kind: 'jwt', token }, ...more });

test('given a key of a live member, the member is the principal', async () => {
  const holder = member('standard');
  assert.deepEqual(await authenticate(call(), { holder }), { principal: holder.principal });
});

test('given an unknown key, one past its grace, or something that is no hash, nobody is', async () => {
  assert.deepEqual(refusal(await authenticate(call(), {})), ['INVALID_API_KEY', undefined]);
  assert.deepEqual(refusal(await authenticate(call(), { holder: { ...member('owner'), expires_at_ms: NOW } })), [
    'INVALID_API_KEY',
    undefined,
  ]);
  assert.deepEqual(refusal(await authenticate(call({ bearer: { kind: 'key', sha256: `${KEY_HASH}\n` } }), { holder: member('owner') })), [
    'INVALID_API_KEY',
    undefined,
  ]);
});

test('given no bearer, that is said', async () => {
  assert.deepEqual(refusal(await authenticate(call({ bearer: { kind: 'none' } }), {})), ['UNAUTHORIZED', 'missing']);
});

test('given a JWT of an enrolled agent, the agent is the principal, without role', async () => {
  const outcome = await authenticate(jwt(agentJwt()), { agent });
  assert.ok('principal' in outcome);
  assert.deepEqual(
    { type: outcome.principal.type, id: outcome.principal.id, role: outcome.principal.role, operator: outcome.principal.operator_id },
    {
      type: 'agent',
      id: AGENT_ID,
      role: null,
      operator: agent.operator_id,
    },
  );
});

test('given a JWT that is not good for this agent now, the reason is named', async () => {
  const cases: [string, Known, string][] = [
    ['eyJ.x', { agent }, 'malformed'],
    [agentJwt(), {}, 'not_enrolled'],
    [agentJwt(), { agent: { ...agent, public_key: null } }, 'not_enrolled'],
    [agentJwt(), { agent: { ...agent, status: 'deleted' } }, 'not_enrolled'],
    [
      agentJwt(),
      { agent: { ...agent, public_key: { kty: 'OKP', crv: 'Ed25519', x: 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg' } } },
      'bad_signature',
    ],
    [agentJwt({ exp: NOW / 1000 - 6, iat: NOW / 1000 - 60, nbf: NOW / 1000 - 60 }), { agent }, 'expired'],
    [agentJwt({ aud: 'stack:passport' }), { agent }, 'wrong_audience'],
  ];
  for (const [token, known, reason] of cases) assert.deepEqual(refusal(await authenticate(jwt(token), known)), ['UNAUTHORIZED', reason]);
});

test('given a single-use operation, an agent JWT counts only with its use in the log; keys do not need that', async () => {
  const single = { single_use: true };
  assert.deepEqual(refusal(await authenticate(jwt(agentJwt()), { agent }, single)), ['AUDIT_UNAVAILABLE', undefined]);
  assert.deepEqual(refusal(await authenticate(jwt(agentJwt(), { assertion_seq: 7 }), { agent }, single)), ['let in']);
  assert.deepEqual(refusal(await authenticate(call(), { holder: member('owner') }, single)), ['let in']);
});

/** Passports: issue, verify, checkpoint, checkout, revocation (api.md §6, §11). */
import { Type } from 'typebox';
import { delegateFields, Flag, IssuedPassport, issueFields, Passport, ToolCallCounts } from '../objects/passport.ts';
import { ResolvedPassport } from '../objects/views.ts';
import { E_CREATE, E_ID, E_PUBLIC, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, Json, nullable, oneOf, opt, strict, text, Time, UnixMs } from '../schema.ts';

const MB = 1024 * 1024;
const jti = Type.Object({ jti: Type.String() });

/** A longer one is refused as a request, like in a header (api.md §1.8). */
const PassportToken = Type.String({ minLength: 1, maxLength: 16_384 });

export const issuePassport = operation({
  name: 'passports.issue',
  owner: 'passports',
  summary: 'Issue a passport',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/issue', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({ agent_id: Type.String(), mission_ids: opt(Type.Array(Type.String(), { minItems: 1, maxItems: 1 })), ...issueFields }),
  response: IssuedPassport,
  errors: [...E_CREATE, ...E_ID, 'ACCOUNTABILITY_REQUIRED', 'SCOPE_ESCALATION', 'MISSION_ENDED', 'PASSPORT_BLOCKED'],
});

export const verifyPassport = operation({
  name: 'passports.verify',
  owner: 'passports',
  summary: 'Is this token good now?',
  who: ['-'],
  http: { method: 'POST', path: '/v1/passports/verify', status: 200 },
  body: Type.Object({ token: PassportToken, service_id: opt(Type.String()) }),
  response: Type.Object({ valid: Type.Boolean(), code: nullable(Type.String()), reason: nullable(Type.String()) }),
  errors: [...E_PUBLIC, 'REVOCATION_STATE_STALE'],
});

export const delegatePassport = operation({
  name: 'passports.delegate',
  owner: 'passports',
  summary: 'Issue a passport below another one, never wider than it, for another agent',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/delegate', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({ parent_passport_token: PassportToken, child_agent_id: Type.String(), ...delegateFields }),
  response: IssuedPassport,
  errors: [
    ...E_CREATE,
    ...E_ID,
    'MISSION_ENDED',
    'SCOPE_ESCALATION',
    'DELEGATION_DEPTH_EXCEEDED',
    'DELEGATION_ACCOUNTABILITY_VIOLATION',
    'ACCOUNTABILITY_REQUIRED',
    'PASSPORT_EXPIRED',
    'PASSPORT_REVOKED',
    'PASSPORT_BLOCKED',
  ],
});

export const refreshPassport = operation({
  name: 'passports.refresh',
  owner: 'passports',
  summary: 'Replace a passport by a new one of the same mission and scope',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/refresh', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object({ token: PassportToken, ttl_seconds: opt(Type.Integer({ minimum: 60, maximum: 3600 })) }),
  response: Type.Object({ ...IssuedPassport.properties, superseded: idOf('passport') }),
  errors: [...E_CREATE, ...E_ID, 'MISSION_ENDED', 'ACCOUNTABILITY_REQUIRED', 'PASSPORT_EXPIRED', 'PASSPORT_REVOKED', 'PASSPORT_BLOCKED'],
});

export const listActivePassports = operation({
  name: 'passports.active',
  owner: 'passports',
  summary: 'Live passports',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/passports/active', status: 200 },
  query: Type.Object({
    agent_id: opt(Type.String()),
    session_id: opt(Type.String()),
    mission_id: opt(Type.String()),
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: opt(Type.String({ maxLength: 512 })),
  }),
  response: Type.Array(Passport),
  errors: E_READ,
});

export const getPassport = operation({
  name: 'passports.get',
  owner: 'passports',
  summary: 'One passport, never its token',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/passports/:jti', status: 200 },
  params: jti,
  response: Passport,
  errors: [...E_READ, ...E_ID],
});

/** As it comes to the owner: the edge has reduced `tool_calls` to `tool_call_counts` (api.md §6). */
const report = {
  tool_calls: opt(
    Type.Array(Type.Object({ service: Type.String(), method: Type.String(), target: opt(Type.String()) }), { maxItems: 200_000 }),
  ),
  tool_call_counts: opt(ToolCallCounts),
  delegated_to: opt(Type.Array(Type.String(), { maxItems: 64 })),
  summary: opt(Type.String()),
};

export const checkpoint = operation({
  name: 'passports.checkpoint',
  owner: 'passports',
  summary: 'Report what was done; moves the expiry of an enforced passport',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/:jti/checkpoint', status: 200, body_limit: 10 * MB },
  single_use: true,
  params: jti,
  body: Type.Object({
    services_used: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 32 }),
    actions_count: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    ...report,
  }),
  response: Type.Object({
    checkpoint_id: idOf('checkpoint'),
    passport_jti: Type.String(),
    new_expires_at: nullable(Time),
    flags: Type.Array(Type.String()),
    claim_id: Type.String(),
    checkpoint: Type.Integer(),
    recorded_at: Time,
    next_checkpoint_by: nullable(Time),
    token: nullable(Type.String()),
    revoked: Type.Boolean(),
  }),
  errors: [...E_WRITE, ...E_ID, 'PASSPORT_EXPIRED', 'PASSPORT_REVOKED', 'CHECKPOINT_NOT_AVAILABLE', 'PASSPORT_BLOCKED'],
});

export const checkout = operation({
  name: 'passports.checkout',
  owner: 'passports',
  summary: 'End a passport with a report',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/:jti/checkout', status: 200, body_limit: 10 * MB },
  single_use: true,
  params: jti,
  body: Type.Object({
    services_used: opt(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 32 })),
    actions_count: opt(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    outcome: opt(oneOf(['success', 'partial', 'failed', 'aborted'])),
    keep_children: opt(Type.Boolean()),
    ...report,
  }),
  response: Type.Object({
    checkout_id: idOf('checkout'),
    passport_jti: Type.String(),
    review_status: oneOf(['clean', 'flagged', 'blocked']),
    flags: Type.Array(Flag),
    claim_id: Type.String(),
    mission_id: Type.String(),
    checked_out_at: Time,
    ended_by: oneOf(['checkout', 'revoked', 'lapsed']),
    reviewed: Type.Boolean(),
    review_id: nullable(Type.String()),
    report_url: Type.String(),
  }),
  errors: [...E_WRITE, ...E_ID],
});

/** Exactly these five: the published client breaks on any other. What is inside: detectors.md 5.5. */
export const passportReport = operation({
  name: 'passports.report',
  owner: 'passports',
  summary: 'What a passport was for, and what was done with it',
  who: ['R', 'G'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/passports/:jti/report', status: 200 },
  params: jti,
  response: Type.Object(
    {
      passport: Type.Record(Type.String(), Json),
      intent: nullable(Type.Record(Type.String(), Json)),
      checkpoints: Type.Array(Type.Record(Type.String(), Json)),
      checkout: nullable(Type.Record(Type.String(), Json)),
      review: nullable(Type.Record(Type.String(), Json)),
    },
    strict,
  ),
  errors: [...E_READ, ...E_ID, 'AUDIT_UNAVAILABLE'],
});

const propagation = Type.Object({ gateways: Type.Integer(), acknowledged: Type.Integer(), elapsed_ms: Type.Integer() });
const revocation = {
  type: oneOf(['single', 'bulk_agent', 'bulk_session', 'bulk_operator', 'bulk_mission']),
  operator_id: idOf('operator'),
  reason: Type.String(),
  at: UnixMs,
  revoked: Type.Boolean(),
  already_revoked: Type.Boolean(),
  propagation,
};
const why = { reason: opt(text(0, 500)) };

export const revokePassport = operation({
  name: 'passports.revoke',
  owner: 'passports',
  summary: 'Revoke one passport and all that descends from it',
  who: ['S', 'G'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/revoke', status: 200 },
  single_use: true,
  body: Type.Object({ jti: Type.String(), ...why }),
  response: Type.Object({ ...revocation, jti: Type.String(), cascaded: Type.Array(Type.String()) }),
  errors: [...E_WRITE, ...E_ID],
});
export const revokeAgentPassports = operation({
  name: 'passports.revoke_agent',
  owner: 'passports',
  summary: "Revoke an agent's passports",
  who: ['S'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/revoke-agent/:agent_id', status: 200 },
  single_use: true,
  params: Type.Object({ agent_id: Type.String() }),
  body: Type.Object({ ...why, block_agent: opt(Type.Boolean()) }),
  response: Type.Object({ ...revocation, agent_id: Type.String(), revoked_count: Type.Integer(), cascaded_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});
export const revokeSession = operation({
  name: 'passports.revoke_session',
  owner: 'passports',
  summary: 'Revoke a delegation family',
  who: ['S'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/revoke-session/:session_id', status: 200 },
  single_use: true,
  params: Type.Object({ session_id: Type.String() }),
  body: Type.Object(why),
  response: Type.Object({ ...revocation, session_id: Type.String(), revoked_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});
export const revokeAll = operation({
  name: 'passports.revoke_all',
  owner: 'passports',
  summary: 'Revoke every passport of the operator',
  who: ['A'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/revoke-all', status: 200 },
  single_use: true,
  body: Type.Object({ ...why, freeze: opt(Type.Boolean()) }),
  response: Type.Object({ ...revocation, revoked_count: Type.Integer() }),
  errors: E_WRITE,
});

const PublicKeys = Type.Object({
  keys: Type.Array(
    Type.Object({ kty: Type.String(), crv: Type.String(), x: Type.String(), kid: Type.String(), alg: Type.String(), use: Type.String() }),
  ),
});
export const jwks = operation({
  name: 'passports.jwks',
  owner: 'passports',
  summary: 'Public keys that passports are signed with',
  who: ['-'],
  http: {
    method: 'GET',
    path: '/v1/.well-known/jwks.json',
    aliases: ['/.well-known/jwks.json'],
    status: 200,
    cache: 'public, max-age=300',
  },
  asked_by: ['gateway', 'vault'],
  response: PublicKeys,
  errors: ['RATE_LIMITED', 'INTERNAL_ERROR'],
});

export const passportResolve = operation({
  name: 'passport.resolve',
  owner: 'passports',
  summary: 'All that a gateway must know about a passport, in parts with their log positions; null for an unknown jti',
  who: [],
  asked_by: ['gateway', 'vault'],
  body: Type.Object({ operator_id: Type.String(), jti: Type.String(), min_seq: Type.Integer() }),
  response: nullable(ResolvedPassport),
  errors: [],
});

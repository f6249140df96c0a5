/** Missions and passports (api.md §6, §7). */
import { type Static, Type } from 'typebox';
import { idOf, Json, nullable, oneOf, opt, Slug, strict, text, Time } from '../schema.ts';
import { Constraint, NamedIntentReference, ServiceScope } from './access.ts';
import { Mode } from './agent.ts';

/** One service inside the token's `stk.services` (api.md §6.1). */
export const TokenService = Type.Object({
  connection_id: Type.String(),
  service_id: Type.String(),
  service_name: Type.String(),
  scopes: Type.Array(Type.String()),
  credential_ref: Type.String(),
  constraints: Type.Optional(Type.Array(Constraint)),
  /** Groups of sets, one group per level (grant, passport, child) that has one; each group must pass. */
  any_of: Type.Array(Type.Array(Type.Array(Constraint))),
  resources: Type.Array(Type.String()),
  allow_data_from: Type.Optional(Type.Array(Type.String())),
});
export type TokenService = Static<typeof TokenService>;

export const PassportClaims = Type.Object({
  iss: Type.String(),
  aud: Type.Literal('stack:passport'),
  sub: Type.String(),
  jti: Type.String(),
  iat: Type.Integer(),
  nbf: Type.Integer(),
  exp: Type.Integer(),
  cnf: Type.Optional(Type.Object({ jkt: Type.String() })),
  stk: Type.Object({
    operator_id: Type.String(),
    agent_id: Type.String(),
    agent_name: Type.String(),
    services: Type.Array(TokenService),
    identity_claims: Type.Array(Json),
    delegation_depth: Type.Integer(),
    mission_ids: Type.Array(Type.String()),
    session_id: Type.String(),
    accountability: Mode,
    intent_summary: Type.Optional(Type.String()),
    intent_services: Type.Optional(Type.Array(Type.String())),
    checkpoint_interval: Type.Optional(Type.Integer()),
    parent_passport_id: Type.Optional(Type.String()),
  }),
});
export type PassportClaims = Static<typeof PassportClaims>;

export const PASSPORT_STATES = ['active', 'expired', 'revoked', 'superseded', 'checked_out'] as const;
export const Passport = Type.Object({
  jti: idOf('passport'),
  mission_id: idOf('mission'),
  agent_id: idOf('agent'),
  session_id: idOf('session'),
  status: oneOf(PASSPORT_STATES),
  accountability: Mode,
  services: Type.Array(Type.String()),
  intent_summary: nullable(Type.String()),
  parent_passport_id: nullable(Type.String()),
  delegation_depth: Type.Integer(),
  issued_at: Time,
  expires_at: Time,
  next_checkpoint_by: nullable(Time),
  last_used_at: nullable(Time),
  revoked_at: nullable(Time),
  revoke_reason: nullable(Type.String()),
});
export type Passport = Static<typeof Passport>;

export const IssuedPassport = Type.Object({
  token: Type.String(),
  jti: idOf('passport'),
  expires_at: Time,
  accountability: Mode,
  mission_id: idOf('mission'),
  session_id: idOf('session'),
  agent_id: idOf('agent'),
  delegation_depth: Type.Integer(),
  parent_passport_id: nullable(Type.String()),
  services: Type.Array(Type.String()),
  checkpoint_interval_seconds: Type.Integer(),
  next_checkpoint_by: nullable(Time),
  max_expires_at: Time,
});
export type IssuedPassport = Static<typeof IssuedPassport>;

export const CHECKPOINT_PRESETS = { frequent: 120, standard: 300, relaxed: 900, marathon: 3600 } as const;

export const Intent = Type.Object({
  summary: opt(Type.String({ maxLength: 500 })),
  services: opt(Type.Array(Slug, { maxItems: 32 })),
  will_delegate: opt(Type.Boolean()),
  estimated_duration_seconds: opt(Type.Integer({ minimum: 1, maximum: 604800 })),
});

/** Body of issue without `agent_id` and `mission_ids`: also the `passport` of a mission start. */
export const issueFields = {
  ttl_seconds: opt(Type.Integer({ minimum: 60, maximum: 3600 })),
  services: opt(Type.Array(Type.Union([Type.String(), ServiceScope]), { maxItems: 32 })),
  scopes: opt(Type.Array(Type.Union([Type.String(), ServiceScope]), { maxItems: 64 })),
  intents: opt(Type.Array(NamedIntentReference, { maxItems: 32 })),
  accountability_mode: opt(Mode),
  identity_claim_ids: opt(Type.Array(Type.String(), { maxItems: 0 })),
  authority_binding_ids: opt(Type.Array(Type.String(), { maxItems: 0 })),
  intent: opt(Type.Union([Type.String({ maxLength: 500 }), Intent])),
  intent_services: opt(Type.Array(Slug, { maxItems: 32 })),
  intent_description: opt(Type.String({ maxLength: 500 })),
  checkpoint_interval_seconds: opt(
    Type.Union([
      Type.Integer({ minimum: 60, maximum: 3600 }),
      oneOf(['frequent', 'standard', 'relaxed', 'marathon']),
      Type.String({ pattern: '^[0-9]{1,4}[smh]$', description: '`5m`' }),
    ]),
  ),
};
const { ttl_seconds, intent, intent_services, intent_description, checkpoint_interval_seconds } = issueFields;
/** Body of delegate without the token and the child; scopes only narrow the parent's. */
export const delegateFields = {
  scopes: opt(Type.Array(ServiceScope, { maxItems: 64 })),
  ttl_seconds,
  intent,
  intent_services,
  intent_description,
  checkpoint_interval_seconds,
};
export const DelegateFields = Type.Object(delegateFields);
export type DelegateFields = Static<typeof DelegateFields>;

export const IssueFields = Type.Object(issueFields);
export type IssueFields = Static<typeof IssueFields>;

const SmallJson = opt(Json);
/** Body of `POST /v1/missions` without `agent_id`: also the `mission` of a start. */
export const missionFields = {
  intent_summary: text(1, 500),
  intent_services: opt(Type.Array(Slug, { maxItems: 32 })),
  expires_in_seconds: opt(Type.Integer({ minimum: 1, maximum: 86400 })),
  max_actions: opt(Type.Integer({ minimum: 1 })),
  max_actions_per_service: opt(Type.Record(Type.String(), Type.Integer({ minimum: 0 }))),
  max_duration_seconds: opt(Type.Integer({ minimum: 1 })),
  max_concurrent_intents: opt(Type.Integer({ minimum: 1 })),
  cap_behavior: opt(Type.Record(Type.String(), Json)),
  limits: opt(Type.Record(Type.String(), Json)),
  idempotency_key: opt(Type.String({ minLength: 1, maxLength: 255 })),
  expected_counterparties: opt(Type.Array(Type.String(), { maxItems: 256 })),
  baseline_profile: SmallJson,
  expected_output_shape: SmallJson,
  max_dropoff_bytes: opt(Type.Integer({ minimum: 0 })),
  coverage_cap_cents: opt(Type.Integer({ minimum: 0 })),
  parent_passport_services: opt(Type.Array(Type.String(), { maxItems: 64 })),
  fleet_policy_id: opt(Type.Literal('')),
  requested_access: opt(Type.Array(Json, { maxItems: 0 })),
  requested_operations: opt(Type.Array(Json, { maxItems: 0 })),
  authority_binding_ids: opt(Type.Array(Type.String(), { maxItems: 0 })),
};
export const MissionFields = Type.Object(missionFields);
export type MissionFields = Static<typeof MissionFields>;

export const Caps = Type.Object(
  {
    max_actions: Type.Optional(Type.Integer()),
    max_actions_per_service: Type.Optional(Type.Record(Type.String(), Type.Integer())),
    max_duration_seconds: Type.Optional(Type.Integer()),
    max_concurrent_intents: Type.Optional(Type.Integer()),
  },
  strict,
);
export type Caps = Static<typeof Caps>;

export const MISSION_STATES = ['open', 'completed', 'revoked', 'expired'] as const;
export const TERMINAL_STATES = ['completed_successful', 'revoked_adversarial', 'revoked_clean', 'expired'] as const;

export const Mission = Type.Object({
  mission_id: idOf('mission'),
  operator_id: idOf('operator'),
  agent_id: nullable(idOf('agent')),
  agent_name: nullable(Type.String()),
  status: oneOf(MISSION_STATES),
  terminal_state: nullable(oneOf(TERMINAL_STATES)),
  implicit: Type.Boolean(),
  parent_mission_id: nullable(Type.String()),
  children: Type.Array(Type.String()),
  jtis: Type.Array(Type.String()),
  session_ids: Type.Array(Type.String()),
  intent_summary: Type.String(),
  intent_services: Type.Array(Type.String()),
  accountability: nullable(Mode),
  opened_at: Time,
  expires_at: Time,
  ended_at: nullable(Time),
  claim_id: Type.String(),
  caps: Caps,
  cap_behavior: Type.Record(Type.String(), Json),
  usage: Type.Object({
    actions: Type.Integer(),
    actions_per_service: Type.Record(Type.String(), Type.Integer()),
    pending_intents: Type.Integer(),
  }),
  expected_counterparties: Type.Array(Type.String()),
  baseline_profile: Json,
  expected_output_shape: Json,
  outcome: nullable(Type.String()),
  review_status: nullable(Type.String()),
  review_ids: Type.Array(Type.String()),
  counts: Type.Record(Type.String(), Type.Integer()),
  by_service: Type.Array(Type.Object({ service: Type.String(), reads: Type.Integer(), writes: Type.Integer(), last_at: Time })),
  flags: Type.Array(Json),
  limits: Type.Record(Type.String(), Json),
  max_dropoff_bytes: nullable(Type.Integer()),
  coverage_cap_cents: nullable(Type.Integer()),
  parent_passport_services: nullable(Type.Array(Type.String())),
  /** Of one mission that was read by its id; null also when it is no longer kept. */
  output: Type.Optional(nullable(Type.Record(Type.String(), Json))),
});
export type Mission = Static<typeof Mission>;

export const Flag = Type.Object({ type: Type.String(), severity: Type.String(), message: Type.String() });
export type Flag = Static<typeof Flag>;

/** Calls per service and method: what the edge makes of `tool_calls` (api.md §6). */
export const ToolCallCounts = Type.Record(Type.String(), Type.Integer());

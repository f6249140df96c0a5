/** Facts about missions, passports and revocations; written by `passports` (api.md §6, §7, §11; detectors.md 1.4). */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { Constraint } from '../objects/access.ts';
import { Mode } from '../objects/agent.ts';
import { Caps, Flag, TERMINAL_STATES, TokenService, ToolCallCounts } from '../objects/passport.ts';
import { nullable, oneOf } from '../schema.ts';

const Json = Type.Unknown();

export const missionOpened = factType(
  'mission.opened',
  1,
  Type.Object({
    mission_id: Type.String(),
    agent_id: nullable(Type.String()),
    implicit: Type.Boolean(),
    parent_mission_id: nullable(Type.String()),
    /** From the parent outward. */
    ancestors: Type.Array(Type.String()),
    intent_summary: Type.String(),
    intent_services: Type.Array(Type.String()),
    opened_at_ms: Type.Integer(),
    expires_at_ms: Type.Integer(),
    caps: Caps,
    cap_behavior: Type.Record(Type.String(), Json),
    limits: Type.Record(Type.String(), Json),
    expected_counterparties: Type.Array(Type.String()),
    baseline_profile: Json,
    expected_output_shape: Json,
    stored: Type.Record(Type.String(), Json),
  }),
);
export const missionAssigned = factType('mission.assigned', 1, Type.Object({ agent_id: Type.String() }));
export const missionPassportAdded = factType(
  'mission.passport_added',
  1,
  Type.Object({ jti: Type.String(), line: Type.String(), session_id: Type.String(), agent_id: Type.String(), accountability: Mode }),
);
/** A mission was opened below this one by a delegation. No audit row. */
export const missionChildOpened = factType('mission.child_opened', 1, Type.Object({ mission_id: Type.String() }));
/** A further passport for the mission's agent. */
export const missionRenewed = factType('mission.renewed', 1, Type.Object({ jti: Type.String() }));
export const missionCompleted = factType(
  'mission.completed',
  1,
  Type.Object({
    terminal_state: oneOf(TERMINAL_STATES),
    ended_at_ms: Type.Integer(),
    output_sha256: nullable(Type.String()),
    /** Jtis that were live at this position. */
    revoked: Type.Array(Type.String()),
    /** Those of the missions below it. */
    cascaded: Type.Optional(Type.Array(Type.String())),
  }),
);
export const missionRevoked = factType(
  'mission.revoked',
  1,
  Type.Object({
    terminal_state: oneOf(TERMINAL_STATES),
    ended_at_ms: Type.Integer(),
    reason: Type.String(),
    notes: nullable(Type.String()),
    revoked: Type.Array(Type.String()),
    cascaded: Type.Optional(Type.Array(Type.String())),
  }),
);
export const missionExpired = factType(
  'mission.expired',
  1,
  Type.Object({ ended_at_ms: Type.Integer(), revoked: Type.Array(Type.String()) }),
);

/** The passport whole, but for its signature; also what detectors know of it. */
const issued = {
  jti: Type.String(),
  /** First jti of its refreshes. */
  line: Type.String(),
  agent_id: Type.String(),
  agent_name: Type.String(),
  session_id: Type.String(),
  mission_id: Type.String(),
  mode: Mode,
  cnf_jkt: nullable(Type.String()),
  services: Type.Array(TokenService),
  intent_summary: Type.String(),
  intent_services: Type.Array(Type.String()),
  parents: Type.Array(Type.Object({ jti: Type.String(), line: Type.String(), agent_id: Type.String(), mission_id: Type.String() })),
  depth: Type.Integer(),
  issued_at_ms: Type.Integer(),
  ttl_seconds: Type.Integer(),
  checkpoint_interval: Type.Integer(),
  expires_at_ms: Type.Integer(),
  deadline_ms: Type.Integer(),
  kid: Type.String(),
  issuer: Type.String(),
  summary: Type.String(),
  granted: Type.Array(
    Type.Object({
      service: Type.String(),
      connection_id: Type.String(),
      constraints: Type.Array(Constraint),
      resources: Type.Array(Type.String()),
    }),
  ),
  will_delegate: Type.Boolean(),
  estimated_duration_seconds: nullable(Type.Integer()),
  parent_passport_id: nullable(Type.String()),
  limits: Type.Record(Type.String(), Json),
  detector_set: nullable(Type.String()),
  issued_by: Type.Object({ type: Type.String(), id: Type.String() }),
};
export const passportIssued = factType('passport.issued', 1, Type.Object(issued));
/** A new jti in the same line (api.md §6, refresh); whole, like an issue. The checkpoints of the line go on. */
export const passportRefreshed = factType(
  'passport.refreshed',
  1,
  Type.Object({
    ...issued,
    superseded: Type.String(),
    checkpoints: Type.Integer(),
    last_checkpoint_at_ms: nullable(Type.Integer()),
  }),
);
/** On the old jti. No audit row: the refresh is one. */
export const passportSuperseded = factType('passport.superseded', 1, Type.Object({ jti: Type.String(), by: Type.String() }));
/** On the line's first passport: which jti stands for the line now, and whether that one is over. No audit row. */
export const passportLineChanged = factType(
  'passport.line_changed',
  1,
  Type.Object({ current: Type.String(), what: oneOf(['refreshed', 'checked_out']) }),
);
/** On the first passport of the parent's line. `scope_share`: scopes handed on, of those that the parent has. */
export const passportDelegated = factType(
  'passport.delegated',
  1,
  Type.Object({
    parent_jti: Type.String(),
    child_jti: Type.String(),
    child_agent_id: Type.String(),
    child_mission_id: Type.String(),
    child_services: Type.Array(Type.String()),
    scope_share: Type.Number(),
    depth: Type.Integer(),
  }),
);
/** A delegation that asked for too much (detectors.md 2.11, 2.13). */
export const passportDelegationRefused = factType(
  'passport.delegation_refused',
  1,
  Type.Object({ reason: Type.String(), child_agent_id: Type.String(), depth: Type.Integer() }),
);

export const checkpointRecorded = factType(
  'checkpoint.recorded',
  1,
  Type.Object({
    checkpoint_id: Type.String(),
    number: Type.Integer(),
    services_used: Type.Array(Type.String()),
    actions_count: Type.Integer(),
    tool_calls: ToolCallCounts,
    delegated_to: Type.Array(Type.String()),
    summary: Type.String(),
    recorded_at_ms: Type.Integer(),
    /** Null where a checkpoint moves nothing (logged). */
    expires_at_ms: nullable(Type.Integer()),
    outside: Type.Array(Type.String()),
    flags: Type.Array(Type.String()),
    revoked: Type.Boolean(),
  }),
);

export const missionCheckedOut = factType(
  'mission.checked_out',
  1,
  Type.Object({
    checkout_id: Type.String(),
    services_used: Type.Array(Type.String()),
    actions_count: nullable(Type.Integer()),
    tool_calls: ToolCallCounts,
    delegated_to: Type.Array(Type.String()),
    summary: Type.String(),
    outcome: Type.String(),
    keep_children: Type.Boolean(),
    checked_out_at_ms: Type.Integer(),
    ended_by: oneOf(['checkout', 'revoked', 'lapsed']),
    review_status: oneOf(['clean', 'flagged', 'blocked']),
    flags: Type.Array(Flag),
    reviewed: Type.Boolean(),
  }),
);

/** The one fact that decides a revocation (architecture, "Revocation"); also the row `passport.revoke`. */
export const passportRevoked = factType(
  'passport.revoked',
  1,
  Type.Object({
    kind: oneOf(['single', 'bulk_agent', 'bulk_session', 'bulk_operator', 'bulk_mission']),
    target: Type.String(),
    reason: Type.String(),
    /** For `single`: descendants live at this position. */
    cascaded: Type.Array(Type.String()),
    revoked_count: Type.Integer(),
    cascaded_count: Type.Integer(),
    by: nullable(Type.String()),
  }),
);
/** Explains, per further passport; follows from a consumer and decides nothing. */
export const passportRevokeCascaded = factType(
  'passport.revoke_cascaded',
  1,
  Type.Object({ jti: Type.String(), root: Type.String(), reason: Type.String() }),
);
export const passportLapsed = factType(
  'passport.lapsed',
  1,
  Type.Object({
    reason: oneOf(['no_checkpoint', 'ttl', 'deadline']),
    expires_at_ms: Type.Integer(),
    last_checkpoint_at_ms: nullable(Type.Integer()),
    late_ms: Type.Integer(),
    /** Lapses of this agent for want of a checkpoint within 24 h, this one included. */
    lapses_24h: Type.Optional(Type.Integer()),
  }),
);
/** Use of a dead passport at an owner: checkpoint, checkout, delegation. */
export const passportUseRefused = factType('passport.use_refused', 1, Type.Object({ operation: Type.String(), reason: Type.String() }));

/** Alone in a fence's message; what the header says, readable. No audit row. */
export const fenceSet = factType(
  'fence.set',
  1,
  Type.Object({ effect: oneOf(['revoked', 'ended', 'narrowed']), targets: Type.Array(Type.String()), reason: Type.String() }),
);
/** An `Idempotency-Key` in use: answer sealed with the owner's key (api.md §1.5). No audit row. */
/** Of an `Idempotency-Key`: what its first use was answered, sealed with the owner's key (`libs/bus`). */
export const idempotencyRecorded = factType('idempotency.recorded', 1, Type.Object({ body_sha256: Type.String(), answer: Type.String() }));

export const idempotencyUsed = factType(
  'idempotency.used',
  1,
  Type.Object({ body_sha256: Type.String(), status: Type.Integer(), answer: Type.String(), expires_at_ms: Type.Integer() }),
);

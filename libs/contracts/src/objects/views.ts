/**
 * What a gateway and vault are told about a passport (architecture, "Views"): parts, each with the log position up to which
 * its owner had read. A kept part may let a call pass, never refuse it.
 */
import { type Static, Type } from 'typebox';
import { nullable, oneOf } from '../schema.ts';
import { Approval, ApprovalRule, Constraint } from './access.ts';
import { Agent, Mode } from './agent.ts';
import { Connection } from './connection.ts';
import { OperatorSettings } from './operator.ts';
import { Caps, TokenService } from './passport.ts';

const at = { position: Type.Integer() };

/** `state` is the whole judgement but for the clock: revocations of agent, session, mission, operator and parents are in it. */
export const PassportView = Type.Object({
  ...at,
  jti: Type.String(),
  operator_id: Type.String(),
  agent_id: Type.String(),
  session_id: Type.String(),
  mission_id: Type.String(),
  line: Type.String(),
  issued_seq: Type.Integer(),
  accountability: Mode,
  state: oneOf(['live', 'revoked', 'superseded', 'checked_out', 'lapsed']),
  reason: nullable(Type.String()),
  /** Server-side expiry, Unix ms: the smallest of its own, its parents' and its mission's. */
  expires_at_ms: Type.Integer(),
  cnf_jkt: nullable(Type.String()),
  parents: Type.Array(Type.Object({ jti: Type.String(), line: Type.String(), agent_id: Type.String(), mission_id: Type.String() })),
  delegation_depth: Type.Integer(),
  services: Type.Array(TokenService),
  intent_summary: Type.String(),
  intent_services: Type.Array(Type.String()),
});
export type PassportView = Static<typeof PassportView>;

export const MissionView = Type.Object({
  ...at,
  mission_id: Type.String(),
  state: oneOf(['open', 'completed', 'revoked', 'expired']),
  opened_seq: Type.Integer(),
  opened_at_ms: Type.Integer(),
  expires_at_ms: Type.Integer(),
  caps: Caps,
  cap_behavior: Type.Record(Type.String(), Type.Unknown()),
  ancestors: Type.Array(Type.String()),
  /** The ancestors, from the parent outward: their caps count this mission's calls too. */
  above: Type.Array(
    Type.Object({
      mission_id: Type.String(),
      opened_seq: Type.Integer(),
      opened_at_ms: Type.Integer(),
      caps: Caps,
      cap_behavior: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
});
export type MissionView = Static<typeof MissionView>;

export const AgentView = Type.Object({ ...at, agent: Agent });
export type AgentView = Static<typeof AgentView>;

export const OperatorView = Type.Object({
  ...at,
  operator_id: Type.String(),
  frozen: Type.Boolean(),
  frozen_reason: nullable(Type.String()),
  settings: OperatorSettings,
  /** A member has signed in once: the operator key loosens nothing any more (api.md §3.2). */
  signed_in: Type.Boolean(),
});
export type OperatorView = Static<typeof OperatorView>;

/** One connection of the passport with the grant as it is now; `grant` null: removed, or switched off. */
export const AccessView = Type.Object({
  ...at,
  connection: nullable(Connection),
  grant: nullable(
    Type.Object({
      explicit: Type.Boolean(),
      scopes: Type.Array(Type.String()),
      constraints: Type.Array(Constraint),
      any_of: Type.Array(Type.Array(Type.Array(Constraint))),
      approval: Approval,
      approval_rule: ApprovalRule,
      expires_at_ms: nullable(Type.Integer()),
    }),
  ),
});
export type AccessView = Static<typeof AccessView>;

export const PrincipalView = Type.Object({
  ...at,
  principal: Type.Object({
    type: oneOf(['operator', 'member', 'agent']),
    id: Type.String(),
    operator_id: Type.String(),
    role: nullable(oneOf(['readonly', 'standard', 'admin', 'owner'])),
    credential: oneOf(['operator_key', 'member_key', 'session', 'access_token', 'agent_jwt', 'ticket']),
    allowed_connections: nullable(Type.Array(Type.String())),
    scopes: nullable(Type.Array(Type.String())),
    target: Type.String(),
  }),
  /** When the credential dies by itself (rotation with grace), Unix ms. */
  expires_at_ms: nullable(Type.Integer()),
});
export type PrincipalView = Static<typeof PrincipalView>;

/** A credential that lets nobody in, with what to say about it. */
export const RefusedCredential = Type.Object({
  refused: Type.Object({ code: oneOf(['UNAUTHORIZED', 'INVALID_API_KEY']), reason: Type.String() }),
});
export type RefusedCredential = Static<typeof RefusedCredential>;

export const ResolvedPassport = Type.Object({
  passport: PassportView,
  mission: MissionView,
  agent: AgentView,
  operator: OperatorView,
  /** By connection id, each connection of the passport. */
  access: Type.Record(Type.String(), AccessView),
});
export type ResolvedPassport = Static<typeof ResolvedPassport>;

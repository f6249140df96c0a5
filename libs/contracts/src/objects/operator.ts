/** Operator and member objects (api.md §4, §17). */
import { type Static, Type } from 'typebox';
import { idOf, nullable, oneOf, opt, Time } from '../schema.ts';
import { ROLES } from '../principal.ts';

export const OperatorSettings = Type.Object({
  default_connection_access: oneOf(['all_agents', 'none']),
  default_credential_access: oneOf(['direct', 'proxy_preferred', 'proxy_only']),
  raw_reads: oneOf(['off', 'members', 'all']),
  api_keys_may_approve: Type.Boolean(),
  default_mission_seconds: Type.Integer({ minimum: 60, maximum: 86400 }),
  max_mission_seconds: Type.Integer({ minimum: 3600, maximum: 86400 }),
  pending_ttl_seconds: Type.Integer(),
  approved_ttl_seconds: Type.Integer(),
  intent_body_retention_days: Type.Integer(),
  audit_retention_days: nullable(Type.Integer()),
  standard_checkpoints: oneOf(['refuse', 'accept']),
});
export type OperatorSettings = Static<typeof OperatorSettings>;

/** What a PATCH may set, with the bounds of api.md §4; `null` clears `audit_retention_days` and means nothing for the rest. */
export const SettingsPatch = Type.Object({
  default_connection_access: opt(oneOf(['all_agents', 'none'])),
  default_credential_access: opt(oneOf(['direct', 'proxy_preferred', 'proxy_only'])),
  raw_reads: opt(oneOf(['off', 'members', 'all'])),
  api_keys_may_approve: opt(Type.Boolean()),
  default_mission_seconds: opt(Type.Integer({ minimum: 60, maximum: 86_400 })),
  max_mission_seconds: opt(Type.Integer({ minimum: 3_600, maximum: 86_400 })),
  pending_ttl_seconds: opt(Type.Integer({ minimum: 60, maximum: 86_400 })),
  approved_ttl_seconds: opt(Type.Integer({ minimum: 30, maximum: 3_600 })),
  intent_body_retention_days: opt(Type.Integer({ minimum: 1, maximum: 3_650 })),
  audit_retention_days: opt(Type.Integer({ minimum: 1, maximum: 36_500 })),
  standard_checkpoints: opt(oneOf(['refuse', 'accept'])),
});
export type SettingsPatch = Static<typeof SettingsPatch>;

export const DEFAULT_SETTINGS: OperatorSettings = {
  default_connection_access: 'all_agents',
  default_credential_access: 'proxy_only',
  raw_reads: 'off',
  api_keys_may_approve: false,
  default_mission_seconds: 900,
  max_mission_seconds: 86400,
  pending_ttl_seconds: 3600,
  approved_ttl_seconds: 300,
  intent_body_retention_days: 30,
  audit_retention_days: null,
  standard_checkpoints: 'refuse',
};

export const Operator = Type.Object({
  id: idOf('operator'),
  name: Type.String(),
  created_at: Time,
  frozen: Type.Boolean(),
  frozen_reason: nullable(Type.String()),
  settings: OperatorSettings,
});
export type Operator = Static<typeof Operator>;

export const Member = Type.Object({
  id: idOf('member'),
  operator_id: idOf('operator'),
  email: Type.String(),
  name: Type.String(),
  role: oneOf(ROLES),
  status: oneOf(['invited', 'active', 'removed']),
  allowed_connections: nullable(Type.Array(Type.String())),
  /** Of any credential; to the minute. */
  last_seen_at: nullable(Time),
  created_at: Time,
});
export type Member = Static<typeof Member>;

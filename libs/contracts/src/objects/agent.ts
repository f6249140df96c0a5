/** The agent object (api.md §5.1). */
import { type Static, Type } from 'typebox';
import { idOf, nullable, oneOf, Time } from '../schema.ts';

export const MODES = ['standard', 'logged', 'enforced'] as const;
export const Mode = oneOf(MODES);
export type Mode = (typeof MODES)[number];
export const OnFinding = oneOf(['notify', 'block']);
export const CredentialAccess = oneOf(['direct', 'proxy_preferred', 'proxy_only']);
export const KeyMode = oneOf(['stack_managed', 'customer_managed', 'co_signed']);
export const BindResources = oneOf(['auto', 'off']);

export const PublicJwk = Type.Object({ kty: Type.Literal('OKP'), crv: Type.Literal('Ed25519'), x: Type.String() });
export type PublicJwk = Static<typeof PublicJwk>;

export const CreatedBy = Type.Object({ type: Type.String(), id: Type.String() });

export const Agent = Type.Object({
  id: idOf('agent'),
  operator_id: idOf('operator'),
  name: Type.String(),
  description: Type.String(),
  status: oneOf(['active', 'suspended', 'deleted']),
  accountability_mode: Mode,
  on_warning: OnFinding,
  on_critical: OnFinding,
  credential_access: CredentialAccess,
  key_mode: KeyMode,
  passport_blocked: Type.Boolean(),
  passport_blocked_reason: nullable(Type.String()),
  passport_blocked_at: nullable(Time),
  llm_inject_system_prompt: Type.Boolean(),
  llm_redact_pii: Type.Boolean(),
  icon_url: nullable(Type.String()),
  public_key: nullable(PublicJwk),
  key_thumbprint: nullable(Type.String()),
  enrolled_at: nullable(Time),
  allowed_connections: nullable(Type.Array(Type.String())),
  bind_resources: BindResources,
  max_mission_seconds: Type.Integer(),
  created_by: CreatedBy,
  created_at: Time,
  updated_at: Time,
});
export type Agent = Static<typeof Agent>;

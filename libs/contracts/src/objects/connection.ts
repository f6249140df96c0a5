/** Catalogue services and connections (api.md §12.1). Never a secret. */
import { type Static, Type } from 'typebox';
import { idOf, nullable, oneOf, Time } from '../schema.ts';
import { Approval, Constraint } from './access.ts';

export const Service = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  name: Type.String(),
  description: Type.String(),
  available: Type.Boolean(),
  auth: Type.Array(Type.String()),
  oauth_configured: Type.Boolean(),
  hosts: Type.Array(Type.String()),
});
export type Service = Static<typeof Service>;

export const ServiceTemplate = Type.Object({
  id: Type.String(),
  provider: Type.String(),
  name: Type.String(),
  fields: Type.Array(Type.Object({ name: Type.String(), secret: Type.Boolean(), required: Type.Boolean(), hint: Type.String() })),
});
export type ServiceTemplate = Static<typeof ServiceTemplate>;

export const Connection = Type.Object({
  id: idOf('connection'),
  service_id: Type.String(),
  provider: Type.String(),
  label: nullable(Type.String()),
  status: oneOf(['pending', 'active', 'error', 'disabled']),
  verification: oneOf(['unverified', 'verified', 'failed']),
  verified_at: nullable(Time),
  scopes: Type.Array(Type.String()),
  hosts: Type.Array(Type.String()),
  base_url: nullable(Type.String()),
  default: Type.Boolean(),
  proxy_enabled: Type.Boolean(),
  allow_http: Type.Boolean(),
  allow_private_networks: Type.Boolean(),
  upstream_override: nullable(Type.String()),
  propagate_trace: Type.Boolean(),
  placeholders: Type.Record(Type.String(), Type.String()),
  default_access: oneOf(['all_agents', 'none']),
  default_approval: Approval,
  baseline_constraints: Type.Array(Constraint),
  credential_ref: Type.String(),
  connected_by: Type.Object({ type: Type.String(), id: Type.String() }),
  connected_at: Time,
  updated_at: Time,
});
export type Connection = Static<typeof Connection>;

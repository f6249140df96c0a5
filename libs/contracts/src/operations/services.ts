/** Catalogue, connections, credentials (api.md §12). */
import { Type } from 'typebox';
import { Approval, Constraint } from '../objects/access.ts';
import { Connection, Service, ServiceTemplate } from '../objects/connection.ts';
import { E_CREATE, E_ID, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, nullable, oneOf, opt, strict, text } from '../schema.ts';

const paged = { limit: opt(Type.Integer({ minimum: 1, maximum: 100 })), cursor: opt(Type.String({ maxLength: 512 })) };

export const listServices = operation({
  name: 'services.list',
  owner: 'vault',
  summary: 'The catalogue',
  who: ['R', 'G'],
  scope: 'services:read',
  http: { method: 'GET', path: '/v1/services', status: 200 },
  query: Type.Object(paged),
  response: Type.Array(Service),
  errors: E_READ,
});
export const listConnections = operation({
  name: 'services.connected',
  owner: 'vault',
  summary: 'Connections; for an agent those it can reach',
  who: ['R', 'G'],
  scope: 'services:read',
  http: { method: 'GET', path: '/v1/services/connected', status: 200 },
  query: Type.Object(paged),
  response: Type.Array(Connection),
  errors: E_READ,
});
export const listTemplates = operation({
  name: 'services.templates',
  owner: 'vault',
  summary: 'Fields that each service wants as credential',
  who: ['R', 'G'],
  scope: 'services:read',
  http: { method: 'GET', path: '/v1/services/templates', status: 200 },
  query: Type.Object({ service_id: opt(Type.String()), ...paged }),
  response: Type.Array(ServiceTemplate),
  errors: E_READ,
});

export const Credential = Type.Union([text(1, 16_384), Type.Record(Type.String(), text(0, 16_384))]);
const options = {
  label: opt(text(0, 100)),
  default: opt(Type.Boolean()),
  hosts: opt(Type.Array(text(1, 255), { minItems: 1, maxItems: 16 })),
  base_url: opt(text(1, 2048)),
  placeholders: opt(Type.Record(Type.String(), text(0, 256))),
  default_access: opt(oneOf(['all_agents', 'none'])),
  default_approval: opt(Approval),
  baseline_constraints: opt(Type.Array(Constraint, { maxItems: 32 })),
  propagate_trace: opt(Type.Boolean()),
  allow_http: opt(Type.Boolean()),
  allow_private_networks: opt(Type.Boolean()),
  upstream_override: opt(text(1, 2048)),
};

export const connectService = operation({
  name: 'services.connect',
  owner: 'vault',
  secret_in: ['oauth_token', 'credential'],
  summary: 'Connect a catalogue service with a token',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'POST', path: '/v1/services/connect', status: 201 },
  creates: true,
  single_use: true,
  body: Type.Object(
    {
      service_id: opt(Type.String()),
      provider: opt(Type.String()),
      scopes: opt(Type.Array(text(1, 128), { minItems: 1, maxItems: 64 })),
      oauth_token: opt(text(1, 16_384)),
      credential: opt(Credential),
      redirect_uri: opt(text(1, 2048)),
      ...options,
    },
    strict,
  ),
  response: Type.Intersect([Connection, Type.Object({ authorize_url: nullable(Type.String()) })]),
  errors: [...E_CREATE, ...E_ID],
});

const connectionId = Type.Object({ connection_id: Type.String() });
export const getConnection = operation({
  name: 'services.get_connection',
  owner: 'vault',
  summary: 'One connection',
  who: ['R', 'G'],
  scope: 'services:read',
  http: { method: 'GET', path: '/v1/services/connections/:connection_id', status: 200 },
  params: connectionId,
  response: Connection,
  errors: [...E_READ, ...E_ID],
});
export const updateConnection = operation({
  name: 'services.update',
  owner: 'vault',
  secret_in: ['credential'],
  summary: 'Change a connection; where a secret may go changes only together with the secret',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'PATCH', path: '/v1/services/connections/:connection_id', status: 200 },
  single_use: true,
  params: connectionId,
  body: Type.Object(
    {
      ...options,
      proxy_enabled: opt(Type.Boolean()),
      scopes: opt(Type.Array(text(1, 128), { minItems: 1, maxItems: 64 })),
      credential: opt(Credential),
    },
    strict,
  ),
  response: Connection,
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED'],
});
export const replaceCredential = operation({
  name: 'services.replace_credential',
  owner: 'vault',
  secret_in: ['credential'],
  summary: 'A new secret for a connection',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'PUT', path: '/v1/services/connections/:connection_id/credential', status: 200 },
  single_use: true,
  params: connectionId,
  body: Type.Object({ credential: Credential }, strict),
  response: Connection,
  errors: [...E_WRITE, ...E_ID],
});
export const disconnectService = operation({
  name: 'services.disconnect',
  owner: 'vault',
  summary: 'Destroy the secret; passports that hold the connection are revoked',
  who: ['S'],
  scope: 'services:connect',
  http: { method: 'DELETE', path: '/v1/services/:connection_id/disconnect', status: 200 },
  single_use: true,
  params: connectionId,
  response: Type.Object({ id: idOf('connection'), disconnected: Type.Boolean(), revoked_count: Type.Integer() }),
  errors: [...E_WRITE, ...E_ID],
});

export const credentialOpen = operation({
  name: 'credential.open',
  owner: 'vault',
  summary: 'The injection of a connection, sealed to the boot key of the asking gateway, for a passport that vault checked itself',
  who: [],
  asked_by: ['gateway'],
  body: Type.Object({ passport_token: Type.String(), connection_id: Type.String(), boot_id: Type.String(), min_seq: Type.Integer() }),
  /** `sealed`: JWE of an `Injection` (objects/injection.ts), context `credentialContext`. */
  response: Type.Object({ credential_ref: Type.String(), sealed: Type.String() }),
  errors: ['CREDENTIAL_UNAVAILABLE', 'UNAUTHORIZED', 'PASSPORT_REVOKED', 'PASSPORT_EXPIRED', 'FORBIDDEN'],
});
export const detectorKeyOpen = operation({
  name: 'detector_key.open',
  owner: 'vault',
  summary: "The operator's key for keyed hashes, sealed to the boot key of the asking gateway",
  who: [],
  asked_by: ['gateway'],
  body: Type.Object({ operator_id: Type.String(), boot_id: Type.String() }),
  /** JWE of the 32 key bytes, context `detectorKeyContext` (objects/injection.ts). */
  response: Type.Object({ sealed: Type.String() }),
  errors: [],
});

export const connectionHolders = operation({
  name: 'connection.revoke_holders',
  owner: 'passports',
  summary: 'Revoke the live passports that hold a disconnected connection; idempotent, and repeated by a consumer of the fact',
  who: [],
  asked_by: ['vault'],
  body: Type.Object({ operator_id: Type.String(), connection_id: Type.String() }),
  response: Type.Object({ revoked_count: Type.Integer() }),
  errors: [],
});

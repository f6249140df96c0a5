/** Facts about connections and credentials; written by `vault`. Never a secret, never ciphertext. */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { Connection } from '../objects/connection.ts';
import { nullable } from '../schema.ts';

export const serviceConnected = factType('service.connected', 1, Type.Object({ connection: Connection }));
export const serviceUpdated = factType(
  'service.updated',
  1,
  Type.Object({ connection: Connection, changed: Type.Array(Type.String()), credential_changed: Type.Boolean() }),
);
export const serviceVerified = factType(
  'service.verified',
  1,
  Type.Object({ connection_id: Type.String(), verification: Type.String(), status: nullable(Type.Integer()), at_ms: Type.Integer() }),
);
export const serviceDisconnected = factType(
  'service.disconnected',
  1,
  Type.Object({ connection_id: Type.String(), provider: Type.String() }),
);

/**
 * On `unique.<hash>`: which connections of a provider exist and which one its slug means. It is what makes "exactly one default" a
 * decision against the log. No audit row.
 */
export const providerRegistered = factType(
  'provider.registered',
  1,
  Type.Object({ provider: Type.String(), connections: Type.Array(Type.String()), default_connection_id: nullable(Type.String()) }),
);

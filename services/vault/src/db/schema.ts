/** The tables of schema `vault`. Only `secret` and `detector_key` hold ciphertext, and nothing here is ever a plaintext. */
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { ColumnType } from 'kysely';
import type { Step } from '@sallyport/projections/migrate.ts';

export interface VaultTables {
  /** Rows that no fact names (a crash between the two) are harmless: nobody asks for their reference. */
  secret: { credential_ref: string; connection_id: string; wrapped_key: string; ciphertext: string };
  detector_key: { operator_id: string; wrapped_key: string; ciphertext: string };
  /** One row: a constant under the master key, so that a wrong key is noticed at the start. */
  master_key_check: { id: number; sealed: string };
  /** Read model of the facts. */
  connections: {
    connection_id: string;
    operator_id: string;
    provider: string;
    object: ColumnType<Connection, string, string>;
  };
}

export const STEPS: readonly Step[] = [
  {
    name: 'secret, detector_key, master_key_check, connections',
    up: `
      create table secret (
        credential_ref text primary key, connection_id text not null, wrapped_key text not null, ciphertext text not null,
        at timestamptz not null default now()
      );
      create index secret_connection on secret (connection_id);
      create table detector_key (operator_id text primary key, wrapped_key text not null, ciphertext text not null);
      create table master_key_check (id int primary key, sealed text not null);
      create table connections (connection_id text primary key, operator_id text not null, provider text not null, object jsonb not null);
      create index connections_operator on connections (operator_id, connection_id desc);`,
  },
];

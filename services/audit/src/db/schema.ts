/**
 * The tables of schema `audit`. A row is kept as the text that was hashed; every column to search by is generated from it, so that no edit of
 * a row can hide behind a column that says something else.
 */
import type { Step } from '@sallyport/projections/migrate.ts';
import type { Generated } from 'kysely';

export interface AuditTables {
  rows: {
    row: string;
    operator_id: Generated<string>;
    /** int8, as text. */
    seq: Generated<string>;
    entry_id: Generated<string>;
    timestamp: Generated<string>;
    agent_id: Generated<string | null>;
    passport_jti: Generated<string | null>;
    action: Generated<string>;
    outcome: Generated<string>;
    attempt_entry_id: Generated<string | null>;
  };
}

export const STEPS: readonly Step[] = [
  {
    name: 'rows',
    up: `
      create table rows (
        row json not null,
        operator_id text generated always as (row->>'operator_id') stored not null,
        seq bigint generated always as ((row->>'seq')::bigint) stored not null,
        entry_id text generated always as (row->>'entry_id') stored not null,
        timestamp bigint generated always as ((row->>'timestamp')::bigint) stored not null,
        agent_id text generated always as (row->>'agent_id') stored,
        passport_jti text generated always as (row->>'passport_jti') stored,
        action text generated always as (row->>'action') stored not null,
        outcome text generated always as (row->>'outcome') stored not null,
        attempt_entry_id text generated always as (row->>'attempt_entry_id') stored,
        primary key (operator_id, seq)
      );
      create unique index rows_entry on rows (entry_id);
      create unique index rows_closing on rows (attempt_entry_id) where attempt_entry_id is not null;
      create index rows_time on rows (operator_id, timestamp);
      create index rows_agent on rows (operator_id, agent_id, seq desc);
      create index rows_passport on rows (operator_id, passport_jti, seq desc);`,
  },
];

/**
 * The tables of schema `audit`. A row is kept as the text that was hashed; every column to search by is generated from it, so that no edit of
 * a row can hide behind a column that says something else.
 *
 * What operations, approvals and caps of missions stand at (`projections/calls.ts`) is in tables of its own; hashes there are base64url.
 */
import type { MissionOperations } from '@sallyport/contracts/operations/call-log.ts';
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
    mission_id: Generated<string | null>;
  };
  operations: { family: string; mission: string; id: string; digest: string; state: MissionOperations['operations'][number]['state'] };
  approvals: { family: string; mission: string; id: string };
  /** `service` is empty for `actions`. */
  counts: { family: string; mission: string; kind: CountKind; service: string; used: number };
  /** Without a closing. `reason`: why the log refused it; `holding`: what an admitted one gives back when nothing was sent. */
  attempts: {
    attempt: string;
    boot: string;
    seq: number;
    index: number;
    family: string;
    reason: string | null;
    holding: HoldingText | null;
  };
}

export type CountKind = MissionOperations['counts'][number]['kind'];
/** In hashes as they go over the bus. */
export type HoldingText = Omit<MissionOperations['open'][number], 'attempt'>;

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
  {
    name: 'operations, approvals, counts, attempts',
    up: `
      create table operations (mission text, id text, family text not null, digest text not null, state text not null, primary key (mission, id));
      create index operations_family on operations (family);
      create table approvals (mission text, id text, family text not null, primary key (mission, id));
      create index approvals_family on approvals (family);
      create table counts (mission text, kind text, service text, family text not null, used int not null, primary key (mission, kind, service));
      create index counts_family on counts (family);
      create table attempts (
        attempt text primary key, boot text not null, seq bigint not null, index int not null, family text not null, reason text, holding json
      );
      create index attempts_family on attempts (family) where holding is not null;
      create index attempts_boot on attempts (boot, seq, index);`,
  },
  {
    name: 'rows by mission',
    up: `
      alter table rows add column mission_id text generated always as (row->'metadata'->>'mission_id') stored;
      create index rows_mission on rows (operator_id, mission_id, seq) where mission_id is not null;`,
  },
];

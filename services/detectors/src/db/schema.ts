/** The tables of schema `detectors`: working state of the detectors, which can be rebuilt from the ledger, and the read model of signals. */
import type { Step } from '@sallyport/projections/migrate.ts';
import type { ColumnType, Selectable } from 'kysely';

export interface DetectorTables {
  /** 64 rows. `fence` grows with every take-over; who names an older one may not write. */
  detector_partition: { partition: number; owner: string | null; fence: number; cursor: number };
  /** `state`: JSON of a `KeyState`. */
  detector_state: { partition: number; key: string; state: string; last_seq: number };
  security_events: SecurityEventRow;
}

/** What JSON columns hold; written as text. */
type Stored<T> = ColumnType<T, string, string>;
type Person = { type: string; id: string };

export interface SecurityEventRow {
  id: string;
  operator_id: string;
  agent_id: string | null;
  session_id: string | null;
  mission_id: string | null;
  passport_jti: string | null;
  signal_type: string;
  key: string;
  once: string;
  code: string;
  severity: 'info' | 'warning' | 'critical';
  message: string;
  metadata: Stored<Record<string, unknown>>;
  status: 'open' | 'acknowledged' | 'resolved';
  count: number;
  created_at_ms: number;
  last_at_ms: number;
  effect_kind: string;
  effect_state: 'none' | 'pending' | 'done';
  effect_at_ms: number | null;
  incident_id: string | null;
  dry_run: boolean;
  /** The fact that raised it: what a revocation for its sake names as its cause. */
  event_id: string;
  acknowledged_by: Stored<Person | null>;
  resolved_by: Stored<Person | null>;
  resolution: string | null;
  note: string | null;
  resolved_at_ms: number | null;
  entry_ids: Stored<string[]>;
}

/** A row as it is read. */
export type StoredEvent = Selectable<SecurityEventRow>;

export const STEPS: readonly Step[] = [
  {
    name: 'detector_partition, detector_state, security_events',
    up: `
      create table detector_partition (partition int primary key, owner text, fence bigint not null default 0, cursor bigint not null default 0);
      insert into detector_partition (partition) select generate_series(0, 63);
      create table detector_state (
        partition int not null, key text not null, state text not null, last_seq bigint not null, primary key (partition, key)
      );
      create table security_events (
        id text primary key, operator_id text not null, agent_id text, session_id text, mission_id text, passport_jti text,
        signal_type text not null, key text not null, once text not null, code text not null, severity text not null, message text not null,
        metadata jsonb not null, status text not null, count int not null, created_at_ms bigint not null, last_at_ms bigint not null,
        effect_kind text not null, effect_state text not null, effect_at_ms bigint, incident_id text, dry_run boolean not null,
        event_id text not null, acknowledged_by jsonb, resolved_by jsonb, resolution text, note text, resolved_at_ms bigint, entry_ids jsonb not null,
        unique (operator_id, signal_type, key, once)
      );
      create index security_events_list on security_events (operator_id, id desc);
      create index security_events_passport on security_events (passport_jti);
      create index security_events_session on security_events (session_id, created_at_ms desc);
      create index security_events_agent on security_events (agent_id, created_at_ms desc);`,
  },
];

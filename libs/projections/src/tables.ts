/** The tables that every schema with projections has: how far each got, whose turn it is, what could not be handled, what is to be made again. */
import type { Kysely, Transaction } from 'kysely';
import type { Step } from './migrate.ts';

export interface LibraryTables {
  /** `fence`: the fencing number of the last writer; a lower one may no longer write. */
  cursor: { name: string; partition: number; seq: number; fence: number };
  lease: { key: string; fence: number };
  /** One row per read model that was ever asked to be rebuilt; the last time only. */
  rebuild: { name: string; asked_at: Date; begun_at: Date | null; done_at: Date | null };
  dead_letter: { name: string; partition: number; seq: number; subject: string; error: string };
}

/** The same connection, typed for these tables: they are in every schema that was migrated, beside what the service says is in it. */
export function libraryTables<DB>(tx: Transaction<DB>): Transaction<LibraryTables>;
export function libraryTables<DB>(db: Kysely<DB>): Kysely<LibraryTables>;
export function libraryTables(db: unknown): unknown {
  return db;
}

export const LIBRARY_STEPS: readonly Step[] = [
  {
    name: 'cursor, lease, dead_letter',
    up: `
      create table cursor (name text, partition int, seq bigint not null, fence bigint not null, primary key (name, partition));
      create table lease (key text primary key, fence bigint not null);
      create table dead_letter (
        name text, partition int not null, seq bigint, subject text not null, error text not null, at timestamptz not null default now(), primary key (name, seq)
      );`,
  },
  {
    name: 'rebuild',
    up: 'create table rebuild (name text primary key, asked_at timestamptz not null, begun_at timestamptz, done_at timestamptz);',
  },
];

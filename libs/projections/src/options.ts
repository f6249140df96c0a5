/** What a projection is made of. */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Entry } from '@sallyport/bus/follow.ts';
import type { Log } from '@sallyport/bus/log.ts';
import type { Transaction } from 'kysely';
import type { Database } from './open-pool.ts';

/** The part of a process's metrics that projections use. */
export interface ProjectionMetrics {
  counter(name: string, help: string, labels?: readonly string[]): (labels?: Record<string, string | number>, by?: number) => void;
  gauge(name: string, help: string, read: () => number, labels?: Record<string, string>): void;
}

export interface ProjectionOptions<DB> {
  /** Stands in cursors and lease keys: `[a-z0-9_]`, never changed. */
  name: string;
  database: Database<DB>;
  bus: Bus;
  /** The instance's name, stable over restarts and different among live processes. */
  holder: string;
  /** Subjects of one partition: its number, or `*` when all are held. `` (p) => [`ledger.${p}.*.agent.*`] ``. */
  filters: (partition: string) => string[];
  /**
   * Writes what these entries say, in order, with this transaction only: the cursor commits with it, and it runs again after any failure. Under load many
   * entries come at once, of several partitions; after an error each half alone.
   */
  handle: (tx: Transaction<DB>, entries: readonly Entry[]) => Promise<void>;
  /**
   * What these entries lead to outside of the tables, done before the transaction begins, so that it waits for no database. It must be idempotent: it runs again
   * after any failure, and in a process that does not know yet that it lost the partition.
   */
  act?: (entries: readonly Entry[]) => Promise<void>;
  /** Empties this projection's tables, for `rebuild`. */
  reset: (tx: Transaction<DB>) => Promise<void>;
  /** Payloads do not come: `facts()` of an entry throws. */
  headers_only?: boolean;
  /**
   * Called with the partitions that are held from now on, before any of their entries comes: what a handler keeps in memory beside its tables is made to fit
   * the cursors here. Called again, with all of them, when it throws and whenever they change.
   */
  on_hold?: (partitions: readonly { partition: number; cursor: number }[]) => Promise<void>;
  /** A partition whose entry cannot be handled stops there (it may not have a hole), instead of going on with a dead letter. */
  stop_on_poison?: boolean;
  /** Tries of one entry before it counts as poison; default 5. */
  tries?: number;
  log: Log;
  metrics?: ProjectionMetrics;
}

/** For handlers that look at one entry at a time. */
export function eachEntry<DB>(handle: (tx: Transaction<DB>, entry: Entry) => Promise<void>): ProjectionOptions<DB>['handle'] {
  return async (tx, entries) => {
    for (const entry of entries) await handle(tx, entry);
  };
}

/**
 * Partitions and their state in PostgreSQL. Guarantees that state and cursor move together, and only for the owner with the last fence: a worker
 * that was paused learns here that it is no longer the owner.
 */
import type { Database } from '@sallyport/projections/open-pool.ts';
import { sql } from 'kysely';
import type { DetectorTables } from './schema.ts';

export interface TakenPartition {
  partition: number;
  fence: number;
  /** Everything up to it is in the state. */
  cursor: number;
}

export interface PartitionFlush extends TakenPartition {
  /** Key → JSON of its state and its last sequence. */
  changed: readonly { key: string; state: string; last_seq: number }[];
  dropped: readonly string[];
}

export interface PartitionStore {
  /** Those of `wanted` that nobody of `live` but `me` owns; all of them with `force`. */
  take(wanted: readonly number[], me: string, live: readonly string[], force: boolean): Promise<TakenPartition[]>;
  /** Key → JSON, of one partition. */
  load(partition: number): Promise<Map<string, string>>;
  /** Numbers of the partitions that another owns by now; the others are written. */
  flush(me: string, partitions: readonly PartitionFlush[]): Promise<number[]>;
  giveUp(me: string, partitions: readonly TakenPartition[]): Promise<void>;
}

export function createPartitionStore({ db }: Database<DetectorTables>): PartitionStore {
  return {
    take: async (wanted, me, live, force) => {
      if (wanted.length === 0) return [];
      const others = live.filter((worker) => worker !== me);
      const taken = await db
        .updateTable('detector_partition')
        .set({ owner: me, fence: sql<number>`fence + 1` })
        .where('partition', 'in', [...wanted])
        .$if(!force && others.length > 0, (query) =>
          query.where((where) => where.or([where('owner', 'is', null), where('owner', 'not in', others)])),
        )
        .returning(['partition', 'fence', 'cursor'])
        .execute();
      return taken;
    },
    load: async (partition) => {
      const rows = await db.selectFrom('detector_state').select(['key', 'state']).where('partition', '=', partition).execute();
      return new Map(rows.map(({ key, state }) => [key, state]));
    },
    flush: async (me, partitions) => {
      const lost: number[] = [];
      await db.transaction().execute(async (tx) => {
        for (const { partition, fence, cursor, changed, dropped } of partitions) {
          const moved = await tx
            .updateTable('detector_partition')
            .set({ cursor })
            .where('partition', '=', partition)
            .where('owner', '=', me)
            .where('fence', '=', fence)
            .executeTakeFirst();
          if (moved.numUpdatedRows === 0n) {
            lost.push(partition);
            continue;
          }
          if (dropped.length > 0)
            await tx
              .deleteFrom('detector_state')
              .where('partition', '=', partition)
              .where('key', 'in', [...dropped])
              .execute();
          if (changed.length === 0) continue;
          await tx
            .insertInto('detector_state')
            .values(changed.map((row) => ({ partition, ...row })))
            .onConflict((conflict) =>
              conflict.columns(['partition', 'key']).doUpdateSet({ state: sql`excluded.state`, last_seq: sql`excluded.last_seq` }),
            )
            .execute();
        }
      });
      return lost;
    },
    giveUp: async (me, partitions) => {
      for (const { partition, fence } of partitions) {
        await db
          .updateTable('detector_partition')
          .set({ owner: null })
          .where('partition', '=', partition)
          .where('owner', '=', me)
          .where('fence', '=', fence)
          .execute();
      }
    },
  };
}

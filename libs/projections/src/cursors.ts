/**
 * Cursor rows and fencing numbers. Guarantees that of two who believe to hold a partition only the one with the higher number can write, and that a
 * message's effects and the cursor beyond it are one transaction: nothing is applied twice or left out, whatever is delivered again.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { LibraryTables } from './tables.ts';

/** Another wrote these cursors since they were read: a later holder, or a rebuild. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

export interface Move {
  partition: number;
  from: number;
  to: number;
  fence: number;
}

/** The next number for a lease; never given twice, also after NATS forgot the lease itself. */
export async function takeFence(db: Kysely<LibraryTables>, key: string): Promise<number> {
  const { fence } = await db
    .insertInto('lease')
    .values({ key, fence: 1 })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ fence: sql`lease.fence + 1` }))
    .returning('fence')
    .executeTakeFirstOrThrow();
  return fence;
}

/** Takes the partition's cursor for this number and answers where it stands; null when a later holder has it. From here on no earlier holder can write. */
export async function claimCursor(db: Kysely<LibraryTables>, name: string, partition: number, fence: number): Promise<number | null> {
  const row = await db
    .insertInto('cursor')
    .values({ name, partition, seq: 0, fence })
    .onConflict((conflict) => conflict.columns(['name', 'partition']).doUpdateSet({ fence }).where('cursor.fence', '<=', fence))
    .returning('seq')
    .executeTakeFirst();
  return row?.seq ?? null;
}

export async function readCursor(db: Kysely<LibraryTables>, name: string, partition: number): Promise<number> {
  const row = await db.selectFrom('cursor').select('seq').where('name', '=', name).where('partition', '=', partition).executeTakeFirst();
  return row?.seq ?? 0;
}

/** First thing in the transaction, so that it locks the rows; throws Fenced unless every cursor stands where its mover believes. */
export async function moveCursors(tx: Transaction<LibraryTables>, name: string, moves: readonly Move[]): Promise<void> {
  const column = (pick: (move: Move) => number): number[] => moves.map(pick);
  const moved = await sql`
    update cursor as c set seq = m.to_seq, fence = m.fence
    from unnest(${column((m) => m.partition)}::int[], ${column((m) => m.from)}::bigint[], ${column((m) => m.to)}::bigint[], ${column((m) => m.fence)}::bigint[])
      as m(partition, from_seq, to_seq, fence)
    where c.name = ${name} and c.partition = m.partition and c.seq = m.from_seq and c.fence <= m.fence`.execute(tx);
  if (moved.numAffectedRows !== BigInt(moves.length)) throw new Fenced(`a cursor of ${name} was moved by another`);
}

/** Back to the beginning, for a rebuild; locks all rows of this name until the transaction ends. */
export async function resetCursors(tx: Transaction<LibraryTables>, name: string): Promise<void> {
  await tx.updateTable('cursor').set({ seq: 0 }).where('name', '=', name).execute();
  await tx.deleteFrom('dead_letter').where('name', '=', name).execute();
}

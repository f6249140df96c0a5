/**
 * Making a read model again (architecture, "Followers"). Whoever may write in the schema asks, by a row; a process that runs the projection empties the
 * tables and puts the cursors back in one transaction, and every other process of it begins anew when it sees that. Guarantees that one asking empties once.
 */
import { type Kysely, sql } from 'kysely';
import { resetCursors } from './cursors.ts';
import type { ProjectionOptions } from './options.ts';
import { type LibraryTables, libraryTables } from './tables.ts';

export interface RebuildState {
  /** Differs after each emptying; null: none was begun since the last asking. */
  begun: number | null;
  done: boolean;
}

/** Asks for it; an asking that was not begun yet stays one. */
export async function askRebuild(db: Kysely<LibraryTables>, name: string): Promise<void> {
  const asked = { asked_at: sql<Date>`clock_timestamp()`, begun_at: null, done_at: null };
  await db
    .insertInto('rebuild')
    .values({ name, ...asked })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(asked))
    .execute();
}

/** Read models of this schema that were ever followed. */
export async function modelNames(db: Kysely<LibraryTables>): Promise<string[]> {
  const rows = await db.selectFrom('cursor').select('name').distinct().orderBy('name').execute();
  return rows.map(({ name }) => name);
}

/** null: never asked. */
export async function rebuildState(db: Kysely<LibraryTables>, name: string): Promise<RebuildState | null> {
  const row = await db.selectFrom('rebuild').select(['begun_at', 'done_at']).where('name', '=', name).executeTakeFirst();
  return row ? { begun: row.begun_at?.getTime() ?? null, done: row.done_at !== null } : null;
}

/** Empties the read model if that was asked and nobody has done it. A crash before the commit leaves all as it was, and asked. */
export async function beginRebuild<DB>({ database, name, reset }: ProjectionOptions<DB>): Promise<void> {
  await database.followers.transaction().execute(async (tx) => {
    const own = libraryTables(tx);
    // The row's lock makes the others wait; they then find it begun.
    const { numUpdatedRows } = await own
      .updateTable('rebuild')
      .set({ begun_at: sql<Date>`clock_timestamp()` })
      .where('name', '=', name)
      .where('begun_at', 'is', null)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return;
    await resetCursors(own, name);
    await reset(tx);
  });
}

/** Done, unless it was asked again meanwhile. */
export async function endRebuild(db: Kysely<LibraryTables>, name: string, begun: number): Promise<void> {
  await db
    .updateTable('rebuild')
    .set({ done_at: sql<Date>`clock_timestamp()` })
    .where('name', '=', name)
    .where(sql<boolean>`floor(extract(epoch from begun_at) * 1000) = ${begun}::bigint`)
    .execute();
}

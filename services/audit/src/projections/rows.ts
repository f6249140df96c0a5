/**
 * Read model `rows`: the chain. One transaction holds the rows of a batch and the cursor; a row is never changed afterwards. An entry that cannot be made
 * into rows stops its partition: the chain may not have a hole.
 */
import { appendRow, type ChainHead } from '@sallyport/audit-chain/chain.ts';
import type { Row } from '@sallyport/audit-chain/row.ts';
import type { Entry } from '@sallyport/bus/follow.ts';
import type { ProjectionOptions } from '@sallyport/projections/options.ts';
import { sql, type Transaction } from 'kysely';
import type { AuditTables } from '../db/schema.ts';
import { draftOf } from '../domain/draft.ts';

type Tx = Transaction<AuditTables>;

export const rowsProjection: Pick<ProjectionOptions<AuditTables>, 'name' | 'filters' | 'handle' | 'reset' | 'stop_on_poison'> = {
  name: 'rows',
  filters: (partition) => [`ledger.${partition}.>`],
  stop_on_poison: true,
  handle: async (tx, entries) => {
    const drafts = entries.flatMap((entry) => draftsOf(entry));
    if (drafts.length === 0) return;
    const closed = await closedBefore(
      tx,
      drafts.flatMap(({ attempt_entry_id }) => attempt_entry_id ?? []),
    );
    const heads = await headsOf(tx, [...new Set(drafts.map(({ operator_id }) => operator_id))]);
    const rows: Row[] = [];
    for (const draft of drafts) {
      // The first closing in the log counts (api.md §8.6).
      if (draft.attempt_entry_id !== null) {
        if (closed.has(draft.attempt_entry_id)) continue;
        closed.add(draft.attempt_entry_id);
      }
      const row = appendRow(heads.get(draft.operator_id) ?? null, draft);
      heads.set(draft.operator_id, row);
      rows.push(row);
    }
    if (rows.length > 0) await insert(tx, rows);
  },
  reset: async (tx) => {
    await tx.deleteFrom('rows').execute();
  },
};

function draftsOf(entry: Entry): NonNullable<ReturnType<typeof draftOf>>[] {
  const place = { stream_seq: entry.seq, ts_ns: entry.ts_ns() };
  return entry.facts().flatMap((fact) => draftOf(fact, place) ?? []);
}

async function closedBefore(tx: Tx, attempts: string[]): Promise<Set<string>> {
  if (attempts.length === 0) return new Set();
  const found = await tx.selectFrom('rows').select('attempt_entry_id').where('attempt_entry_id', 'in', attempts).execute();
  return new Set(found.flatMap(({ attempt_entry_id }) => attempt_entry_id ?? []));
}

async function headsOf(tx: Tx, operators: string[]): Promise<Map<string, ChainHead>> {
  const heads = new Map<string, ChainHead>();
  for (const operator of operators) {
    const last = await tx
      .selectFrom('rows')
      .select('row')
      .where('operator_id', '=', operator)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last) heads.set(operator, rowOf(last.row));
  }
  return heads;
}

async function insert(tx: Tx, rows: readonly Row[]): Promise<void> {
  const texts = rows.map((row) => JSON.stringify(row));
  await sql`insert into rows (row) select * from unnest(${texts}::json[])`.execute(tx);
}

/** The driver parses `json`; the chain's own text is what went in. */
export function rowOf(row: unknown): Row {
  return row as Row;
}

/** For lists: leaves out attempts that have their closing. */
export const isOpenOrNoAttempt = sql<boolean>`(outcome <> 'pending' or not exists (select 1 from rows as closing where closing.attempt_entry_id = rows.entry_id))`;

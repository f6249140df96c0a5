/** Recomputes link, numbering and leaf of the stored rows of a range (api.md §16.2). */
import { type ChainVerdict, verifyRows } from '@sallyport/audit-chain/chain.ts';
import type { Row } from '@sallyport/audit-chain/row.ts';
import type { Deps } from '../deps.ts';
import { rowOf } from '../projections/rows.ts';
import { type Range, readRows } from './read-rows.ts';

type Link = Pick<Row, 'seq' | 'entry_hash'>;

/** `last`: the last row that was found good; null at the beginning of the chain. */
export async function verifyRange(deps: Deps, range: Range): Promise<{ verdict: ChainVerdict; last: Link | null }> {
  let last = range.from_seq > 1 ? await rowBefore(deps, range.operator_id, range.from_seq) : null;
  let entries_checked = 0;
  for await (const rows of readRows(deps, range)) {
    const verdict = verifyRows(rows, last);
    entries_checked += verdict.entries_checked;
    if (!verdict.valid) return { verdict: { ...verdict, entries_checked }, last };
    last = rows.at(-1) ?? last;
  }
  return { verdict: { valid: true, entries_checked, first_break: null }, last };
}

/** The link that the first row of a range must continue; null where it is missing, which the check then reports as a gap. */
async function rowBefore({ database }: Deps, operatorId: string, seq: number): Promise<Link | null> {
  const found = await database.db
    .selectFrom('rows')
    .select('row')
    .where('operator_id', '=', operatorId)
    .where('seq', '=', String(seq - 1))
    .executeTakeFirst();
  return found ? rowOf(found.row) : null;
}

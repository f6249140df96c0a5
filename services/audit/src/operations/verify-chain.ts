/** Recomputes link, numbering and leaf of every stored row of a range (api.md §16.2). What the tree and its checkpoints find comes with them. */
import { type ChainVerdict, verifyRows } from '@sallyport/audit-chain/chain.ts';
import { GENESIS } from '@sallyport/audit-chain/link.ts';
import type { Row } from '@sallyport/audit-chain/row.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import type { verifyChain } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { rowOf } from '../projections/rows.ts';
import { behind } from './current.ts';
import { rangeOf, readRows } from './read-rows.ts';

type Link = Pick<Row, 'seq' | 'entry_hash'>;

export function verifyOperation(deps: Deps): OperationHandler<typeof verifyChain> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const operator_id = principal.operator_id;
    const range = await rangeOf(deps, operator_id, query);
    if (query.limit) range.to_seq = Math.min(range.to_seq, range.from_seq + query.limit - 1);
    let before: Link | null = range.from_seq > 1 ? await rowBefore(deps, operator_id, range.from_seq) : null;
    let checked = 0;
    let verdict: ChainVerdict = { valid: true, entries_checked: 0, first_break: null };
    for await (const rows of readRows(deps, { operator_id, ...range })) {
      verdict = verifyRows(rows, before);
      checked += verdict.entries_checked;
      if (!verdict.valid) break;
      before = rows.at(-1) ?? before;
    }
    return success(operation, {
      valid: verdict.valid,
      entries_checked: checked,
      first_break: verdict.first_break,
      head_hash: before?.entry_hash ?? GENESIS,
      seq: before?.seq ?? 0,
      from_seq: range.from_seq,
    });
  };
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

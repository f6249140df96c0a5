/** The latest row of the caller's chain (api.md §16.2). Signed checkpoints come with the tree. */
import { GENESIS } from '@sallyport/audit-chain/link.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import type { chainHead } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { rowOf } from '../projections/rows.ts';
import { behind } from './current.ts';

export function chainHeadOperation(deps: Deps): OperationHandler<typeof chainHead> {
  return async ({ call, operation, principal, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const last = await deps.database.db
      .selectFrom('rows')
      .select('row')
      .where('operator_id', '=', principal.operator_id)
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    const row = last ? rowOf(last.row) : null;
    const hash = row?.entry_hash ?? GENESIS;
    const seq = row?.seq ?? 0;
    return success(operation, {
      entry_hash: hash,
      entry_count: seq,
      seq,
      entry_id: row?.entry_id ?? null,
      head_hash: hash,
      timestamp: row?.timestamp ?? null,
    });
  };
}

/** `GET /v1/audit/verify-chain` (api.md §16.2): the verdict on a range of stored rows. What the tree and its checkpoints find comes with them. */
import { GENESIS } from '@sallyport/audit-chain/link.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import type { verifyChain } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { behind } from './current.ts';
import { rangeOf } from './read-rows.ts';
import { verifyRange } from './verify-range.ts';

export function verifyOperation(deps: Deps): OperationHandler<typeof verifyChain> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const operator_id = principal.operator_id;
    const range = await rangeOf(deps, operator_id, query);
    if (query.limit) range.to_seq = Math.min(range.to_seq, range.from_seq + query.limit - 1);
    const { verdict, last } = await verifyRange(deps, { operator_id, ...range });
    return success(operation, {
      valid: verdict.valid,
      entries_checked: verdict.entries_checked,
      first_break: verdict.first_break,
      head_hash: last?.entry_hash ?? GENESIS,
      seq: last?.seq ?? 0,
      from_seq: range.from_seq,
    });
  };
}

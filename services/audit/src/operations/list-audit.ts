/** Rows, newest first, or onward from a sequence (api.md §16.2). */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listAudit } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { isOpenOrNoAttempt, rowOf } from '../projections/rows.ts';
import { behind } from './current.ts';

const DEFAULT_LIMIT = 20;

export function listOperation(deps: Deps): OperationHandler<typeof listAudit> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const { since, agent_id, passport_jti, after_seq, action, outcome } = query;
    let rows = deps.database.db.selectFrom('rows').select('row').where('operator_id', '=', principal.operator_id);
    if (typeof since === 'number') rows = rows.where('timestamp', '>', String(since));
    if (typeof after_seq === 'number') rows = rows.where('seq', '>', String(after_seq));
    if (agent_id) rows = rows.where('agent_id', '=', agent_id);
    if (passport_jti) rows = rows.where('passport_jti', '=', passport_jti);
    if (action) rows = rows.where('action', '=', action);
    if (outcome) rows = rows.where('outcome', '=', outcome);
    const attempts = query.attempts ?? 'open';
    // An attempt is the pending row of a call; another row that names it is its closing.
    if (attempts === 'none') rows = rows.where('outcome', '<>', 'pending');
    if (attempts === 'open') rows = rows.where(isOpenOrNoAttempt);
    const found = await rows
      .orderBy('seq', query.order === 'asc' ? 'asc' : 'desc')
      .limit(query.limit ?? DEFAULT_LIMIT)
      .execute();
    const entries = found.map(({ row }) => rowOf(row));
    return success(operation, {
      entries,
      max_timestamp: entries.length > 0 ? Math.max(...entries.map(({ timestamp }) => timestamp)) : (since ?? null),
      max_seq: entries.length > 0 ? Math.max(...entries.map(({ seq }) => seq)) : (after_seq ?? null),
    });
  };
}

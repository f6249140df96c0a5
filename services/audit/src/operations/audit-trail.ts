/** Rows of a mission, or of passports, for the service that owns them; it has judged who may see them. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { auditTrail } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { factTypeOf } from '../domain/actions.ts';
import { trailPage } from '../projections/trail.ts';
import { behind } from './current.ts';
import { verifyRange } from './verify-range.ts';

/** Of the operator's rows between the first and the last that are asked for; a longer stretch is left unjudged. */
const MOST_VERIFIED = 10_000;

export function auditTrailOperation(deps: Deps): OperationHandler<typeof auditTrail> {
  return async ({ call, operation, body, remaining_ms }) => {
    const { operator_id, mission_id, jtis, after_seq, limit, min_seq, verify } = body;
    const late = await behind(deps, operator_id, { ...call, min_event_seq: min_seq }, remaining_ms() / 2);
    if (late) return refuse(late);
    const page = await trailPage(deps, { operator_id, mission_id: mission_id ?? null, jtis: jtis ?? [], after_seq, limit });
    const { extent, rows, ...shown } = page;
    const isShort = extent !== null && extent.to_seq - extent.from_seq < MOST_VERIFIED;
    const chain_valid = verify && isShort ? (await verifyRange(deps, { operator_id, ...extent })).verdict.valid : null;
    const named = rows.map((row) => ({ ...row, fact_type: factTypeOf(row.action, row.outcome) }));
    return success(operation, { ...shown, rows: named, chain_valid });
  };
}

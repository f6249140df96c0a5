/** Rows of a mission, or of passports, for the service that owns them; it has judged who may see them. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { auditTrail } from '@sallyport/contracts/operations/audit.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { type Expression, sql, type SqlBool } from 'kysely';
import type { Deps } from '../deps.ts';
import { factTypeOf } from '../domain/actions.ts';
import { rowOf } from '../projections/rows.ts';
import { behind } from './current.ts';

export function auditTrailOperation(deps: Deps): OperationHandler<typeof auditTrail> {
  return async ({ call, operation, body, remaining_ms }) => {
    const { operator_id, mission_id, jtis, after_seq, limit, min_seq } = body;
    const late = await behind(deps, operator_id, { ...call, min_event_seq: min_seq }, remaining_ms() / 2);
    if (late) return refuse(late);
    const { db } = deps.database;
    const which: Expression<SqlBool> = mission_id
      ? sql<boolean>`mission_id = ${mission_id}`
      : sql<boolean>`passport_jti = any(${jtis ?? []}::text[])`;
    const rows = db.selectFrom('rows').where('operator_id', '=', operator_id);
    const mine = rows.where(which);
    const [found, extent, head] = await Promise.all([
      mine.select('row').where('seq', '>', String(after_seq)).orderBy('seq').limit(limit).execute(),
      mine
        .select((select) => [
          select.fn.countAll<string>().as('entries'),
          sql<string | null>`(array_agg(entry_id order by seq))[1]`.as('first'),
          sql<string | null>`(array_agg(entry_id order by seq desc))[1]`.as('last'),
        ])
        .executeTakeFirst(),
      rows.select('row').orderBy('seq', 'desc').limit(1).executeTakeFirst(),
    ]);
    return success(operation, {
      rows: found.map(({ row }) => {
        const whole = rowOf(row);
        return { ...whole, fact_type: factTypeOf(whole.action, whole.outcome) };
      }),
      entries: Number(extent?.entries ?? 0),
      first_entry_id: extent?.first ?? null,
      last_entry_id: extent?.last ?? null,
      head_hash: head ? rowOf(head.row).entry_hash : null,
    });
  };
}

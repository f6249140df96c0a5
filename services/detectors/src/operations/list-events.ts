/** `GET /v1/security-events`: newest first, by page (api.md §14.3). */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listSecurityEvents } from '@sallyport/contracts/operations/security-events.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { eventObject } from './event-object.ts';
import { matching } from '../db/find-events.ts';
import { behind } from './behind.ts';

const DEFAULT_LIMIT = 50;

export function listOperation(deps: Deps): OperationHandler<typeof listSecurityEvents> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const [page, limit] = [query.page ?? 1, query.limit ?? DEFAULT_LIMIT];
    const { db } = deps.database;
    const [rows, unresolved] = await Promise.all([
      db
        .selectFrom('security_events')
        .selectAll()
        .where(matching(principal.operator_id, query))
        .orderBy('id', 'desc')
        .limit(limit)
        .offset((page - 1) * limit)
        .execute(),
      db
        .selectFrom('security_events')
        .select(({ fn }) => fn.countAll<string>().as('count'))
        .where(matching(principal.operator_id, { agent_id: query.agent_id }))
        .executeTakeFirst(),
    ]);
    return success(operation, { events: rows.map(eventObject), unresolved_count: Number(unresolved?.count ?? 0), page, limit });
  };
}

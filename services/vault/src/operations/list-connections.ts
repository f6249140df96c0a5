/** Connections, newest first (api.md §12, §1.3); an agent sees those that it reaches, a member those that it may use. */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { listConnections } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { cut, pageHeaders, pageOf, WHOLE } from '@sallyport/service-kit/paging.ts';
import type { Deps } from '../deps.ts';
import { refuseReach } from '../domain/update.ts';
import { listConnectionRows } from '../projections/connections.ts';

export function listOperation({ clock, connections, database, passports }: Deps): OperationHandler<typeof listConnections> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const now = clock.now();
    const paged = pageOf(query, WHOLE, now);
    if (!paged.ok) return refuse(paged.denial);
    const { before, limit } = paged.page;
    const needed = call.min_event_seq ?? 0;
    if (needed > 0 && !(await connections.waitFor(principal.operator_id, needed, Math.min(2_000, remaining_ms())))) {
      return refuse({ ...denial('READ_MODEL_BEHIND', 'The list is not there yet.'), retry_after: 1 });
    }
    const reach = principal.type === 'agent' ? await passports.reachOf(principal.id, call) : null;
    if (reach && !reach.ok) return refuse(reach.denial);
    const visible = (connection: Connection): boolean =>
      reach ? reach.ids.has(connection.id) : refuseReach(principal, connection) === null;
    const page: Connection[] = [];
    let from: string | null = before;
    // Rows that this caller may not see do not shorten a page.
    for (;;) {
      const rows = await listConnectionRows(database, { operator_id: principal.operator_id, before: from, limit: WHOLE });
      page.push(...rows.filter(visible));
      from = rows.at(-1)?.id ?? null;
      if (rows.length < WHOLE || page.length > limit) break;
    }
    const shown = cut(page, limit, ({ id }) => id, now);
    return success(operation, shown.rows, pageHeaders('/v1/services/connected', query, shown.next));
  };
}

/** Connections, newest first (api.md §12, §1.3); an agent sees those that it reaches, a member those that it may use. */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial, invalid } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { listConnections } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { refuseReach } from '../domain/update.ts';
import { listConnectionRows } from '../projections/connections.ts';

const ALL = 1_000;

export function listOperation({ connections, database, passports }: Deps): OperationHandler<typeof listConnections> {
  return async ({ call, operation, principal, query, remaining_ms }) => {
    const before = query.cursor ?? null;
    if (before !== null && !isId('connection', before)) return refuse(invalid([{ path: 'cursor', rule: 'cursor' }]));
    const needed = call.min_event_seq ?? 0;
    if (needed > 0 && !(await connections.waitFor(principal.operator_id, needed, Math.min(2_000, remaining_ms())))) {
      return refuse({ ...denial('READ_MODEL_BEHIND', 'The list is not there yet.'), retry_after: 1 });
    }
    const reach = principal.type === 'agent' ? await passports.reachOf(principal.id, call) : null;
    if (reach && !reach.ok) return refuse(reach.denial);
    const visible = (connection: Connection): boolean =>
      reach ? reach.ids.has(connection.id) : refuseReach(principal, connection) === null;
    const limit = query.limit ?? ALL;
    const page: Connection[] = [];
    let from: string | null = before;
    // Rows that this caller may not see do not shorten a page.
    for (;;) {
      const rows = await listConnectionRows(database, { operator_id: principal.operator_id, before: from, limit: ALL });
      page.push(...rows.filter(visible));
      from = rows.at(-1)?.id ?? null;
      if (rows.length < ALL || page.length > limit) break;
    }
    const last = page[limit - 1];
    if (page.length <= limit || !last) return success(operation, page);
    const path = `/v1/services/connected?${new URLSearchParams({ limit: String(limit), cursor: last.id }).toString()}`;
    return success(operation, page.slice(0, limit), { headers: { 'X-Next-Cursor': last.id, Link: `<${path}>; rel="next"` } });
  };
}

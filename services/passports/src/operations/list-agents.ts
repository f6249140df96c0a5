/** `GET /v1/agents` (api.md §5.1), from the read model. Deleted agents only when asked for. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listAgents } from '@sallyport/contracts/operations/agents.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { cut, pageHeaders, pageOf, WHOLE } from '@sallyport/service-kit/paging.ts';
import { waitForSeen } from '../reading.ts';

export function listAgentsOperation(deps: Deps): OperationHandler<typeof listAgents> {
  return async ({ operation, principal, query, call }) => {
    const now = deps.clock.now();
    const paged = pageOf(query, WHOLE, now);
    if (!paged.ok) return refuse(paged.denial);
    const late = await waitForSeen(deps, principal.operator_id, call.min_event_seq);
    if (late) return refuse(late);
    const { before, limit } = paged.page;
    let rows = deps.database.db.selectFrom('agent').select(['agent_id', 'state']).where('operator_id', '=', principal.operator_id);
    rows = query.status ? rows.where('status', '=', query.status) : rows.where('status', '!=', 'deleted');
    if (query.name) rows = rows.where('name', '=', query.name);
    if (before !== null) rows = rows.where('agent_id', '<', before);
    const found = await rows
      .orderBy('agent_id', 'desc')
      .limit(limit + 1)
      .execute();
    const page = cut(found, limit, ({ agent_id }) => agent_id, now);
    const agents = page.rows.map(({ state }) => state.agent);
    return success(operation, agents, pageHeaders('/v1/agents', query, page.next));
  };
}

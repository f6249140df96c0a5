/** `GET /v1/missions` (api.md §7), from the read model; an agent sees its own. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listMissions } from '@sallyport/contracts/operations/missions.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { parseTime } from '@sallyport/contracts/time.ts';
import { missionObjects } from '../mission-object.ts';
import { cut, pageOf } from '@sallyport/service-kit/paging.ts';
import { contains } from '../projections/contains.ts';
import { waitForSeen } from '../reading.ts';

const PAGE = 50;

export function listMissionsOperation(deps: Deps): OperationHandler<typeof listMissions> {
  return async ({ operation, principal, query, call }) => {
    const { operator_id } = principal;
    const now = deps.clock.now();
    const paged = pageOf(query, PAGE, now);
    if (!paged.ok) return refuse(paged.denial);
    const waits = [deps.model, deps.usage].map((model) => waitForSeen(deps, operator_id, call.min_event_seq, model));
    const late = (await Promise.all(waits)).find((denial) => denial !== null);
    if (late) return refuse(late);

    const { before, limit } = paged.page;
    const agentId = principal.type === 'agent' ? principal.id : query.agent_id;
    if (principal.type === 'agent' && query.agent_id && query.agent_id !== principal.id) {
      return success(operation, { items: [], next_cursor: null });
    }
    let rows = deps.database.db.selectFrom('mission').select('state').where('operator_id', '=', operator_id);
    if (agentId) rows = rows.where('agent_id', '=', agentId);
    if (query.session_id) rows = rows.where(contains('sessions', query.session_id));
    if (query.implicit !== undefined && query.implicit !== null) rows = rows.where('implicit', '=', query.implicit);
    if (query.review_status) rows = rows.where('review_status', '=', query.review_status);
    const since = query.since ? parseTime(query.since) : null;
    if (since !== null) rows = rows.where('opened_ms', '>=', since);
    // A mission is over at its end, also before the log says so.
    if (query.status === 'open') rows = rows.where('status', '=', 'open').where('expires_ms', '>', now);
    else if (query.status === 'expired') {
      rows = rows.where((or) => or.or([or('status', '=', 'expired'), or.and([or('status', '=', 'open'), or('expires_ms', '<=', now)])]));
    } else if (query.status) rows = rows.where('status', '=', query.status);
    if (before !== null) rows = rows.where('mission_id', '<', before);
    const offset = before === null ? ((query.page ?? 1) - 1) * limit : 0;
    const found = await rows
      .orderBy('mission_id', 'desc')
      .offset(offset)
      .limit(limit + 1)
      .execute();
    const page = cut(found, limit, ({ state }) => state.mission_id, now);
    const items = await missionObjects(
      deps,
      page.rows.map(({ state }) => state),
    );
    return success(operation, { items, next_cursor: page.next });
  };
}

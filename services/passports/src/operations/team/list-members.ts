/** `GET /v1/team/members` (api.md §17), from the read model. Removed members only when asked for. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listMembers } from '@sallyport/contracts/operations/team.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { memberObject } from '../../domain/member.ts';
import { cut, pageHeaders, pageOf, WHOLE } from '@sallyport/service-kit/paging.ts';
import { waitForSeen } from '../../reading.ts';

export function listMembersOperation(deps: Deps): OperationHandler<typeof listMembers> {
  return async ({ operation, principal: { operator_id }, query, call }) => {
    const now = deps.clock.now();
    const paged = pageOf(query, WHOLE, now);
    if (!paged.ok) return refuse(paged.denial);
    const late = await waitForSeen(deps, operator_id, call.min_event_seq, deps.members);
    if (late) return refuse(late);
    const { before, limit } = paged.page;
    let rows = deps.database.db
      .selectFrom('member')
      .leftJoin('member_seen', 'member_seen.member_id', 'member.member_id')
      .select(['member.member_id', 'member.state', 'member_seen.last_seen_ms'])
      .where('member.operator_id', '=', operator_id);
    rows = query.status ? rows.where('member.status', '=', query.status) : rows.where('member.status', '!=', 'removed');
    if (before !== null) rows = rows.where('member.member_id', '<', before);
    const found = await rows
      .orderBy('member.member_id', 'desc')
      .limit(limit + 1)
      .execute();
    const page = cut(found, limit, ({ member_id }) => member_id, now);
    const members = page.rows.map(({ state, last_seen_ms }) => memberObject(state, last_seen_ms));
    return success(operation, members, pageHeaders('/v1/team/members', query, page.next));
  };
}

/** `GET /v1/passports/active` (api.md §6), from the read model; an agent sees its own. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { listActivePassports } from '@sallyport/contracts/operations/passports.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { passportObject } from '../domain/claims.ts';
import { cut, pageHeaders, pageOf, WHOLE } from '@sallyport/service-kit/paging.ts';
import { expiryOfPassport } from '../projections/contains.ts';
import { waitForSeen } from '../reading.ts';

export function listPassportsOperation(deps: Deps): OperationHandler<typeof listActivePassports> {
  return async ({ operation, principal, query, call }) => {
    const { operator_id } = principal;
    const now = deps.clock.now();
    const paged = pageOf(query, WHOLE, now);
    if (!paged.ok) return refuse(paged.denial);
    const late = await waitForSeen(deps, operator_id, call.min_event_seq);
    if (late) return refuse(late);
    if (principal.type === 'agent' && query.agent_id && query.agent_id !== principal.id) return success(operation, []);
    const agentId = principal.type === 'agent' ? principal.id : query.agent_id;
    const { before, limit } = paged.page;
    let rows = deps.database.db
      .selectFrom('passport')
      .leftJoin('passport_usage', 'passport_usage.jti', 'passport.jti')
      .select(['passport.jti', 'passport.state', 'passport_usage.last_used_ms', expiryOfPassport.as('expires_ms')])
      .where('passport.operator_id', '=', operator_id)
      .where('passport.status', '=', 'active')
      .where(expiryOfPassport, '>', now);
    if (agentId) rows = rows.where('passport.agent_id', '=', agentId);
    if (query.session_id) rows = rows.where('passport.session_id', '=', query.session_id);
    if (query.mission_id) rows = rows.where('passport.mission_id', '=', query.mission_id);
    if (before !== null) rows = rows.where('passport.jti', '<', before);
    const found = await rows
      .orderBy('passport.jti', 'desc')
      .limit(limit + 1)
      .execute();
    const page = cut(found, limit, ({ jti }) => jti, now);
    const passports = page.rows.flatMap(({ state, expires_ms, last_used_ms }) => {
      const { issued } = state;
      return issued ? [passportObject({ ...state, issued }, { state: 'live', expires_at_ms: expires_ms }, last_used_ms)] : [];
    });
    return success(operation, passports, pageHeaders('/v1/passports/active', query, page.next));
  };
}

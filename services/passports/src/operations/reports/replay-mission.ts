/** `GET /v1/missions/:id/replay` (api.md §7), the client's activity: the audit rows of the mission, oldest first. */
import { refuse } from '@sallyport/contracts/call.ts';
import { invalid } from '@sallyport/contracts/errors.ts';
import type { replayMission } from '@sallyport/contracts/operations/missions.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { activityOf } from '../../domain/activity.ts';
import { missionNotFound, statusBelow } from '../../domain/mission.ts';
import { ownMission, readAbove } from '../../reading.ts';
import { readTrail } from '../../trail.ts';

const PAGE = 200;

export function replayMissionOperation(deps: Deps): OperationHandler<typeof replayMission> {
  return async ({ operation, principal, params: { id }, query, call }) => {
    const { operator_id } = principal;
    const found = await ownMission(deps.ledger.load, principal, id);
    if (!found) return refuse(missionNotFound(id));
    const after = query.cursor ? afterSeq(query.cursor) : 0;
    if (after === null) return refuse(invalid([{ path: 'cursor', rule: 'cursor' }]));
    const limit = query.limit ?? PAGE;
    const min_seq = Math.max(found.seq, call.min_event_seq ?? 0);
    const read = await readTrail(deps, call, { operator_id, mission_id: id, after_seq: after, limit: limit + 1, min_seq });
    if (!read.ok) return refuse(read.denial);
    const rows = read.trail.rows.slice(0, limit);
    const last = rows.at(-1);
    const { mission } = found;
    return success(operation, {
      mission_id: mission.mission_id,
      status: statusBelow(mission, await readAbove(deps.ledger.load, mission), deps.clock.now()),
      items: rows.map(activityOf),
      next_cursor: read.trail.rows.length > limit && last ? Buffer.from(`s${last.seq}`).toString('base64url') : null,
    });
  };
}

/** Rows never move, so a cursor is only where to go on; it does not age. */
function afterSeq(cursor: string): number | null {
  const [, seq] = /^s([1-9]\d{0,14})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  return seq === undefined ? null : Number(seq);
}

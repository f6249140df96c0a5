/** `GET /v1/missions/:id` (api.md §7). */
import { refuse } from '@sallyport/contracts/call.ts';
import type { getMission } from '@sallyport/contracts/operations/missions.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { missionNotFound } from '../domain/mission.ts';
import { missionObjects } from '../mission-object.ts';
import { ownMission, waitForSeen } from '../reading.ts';

export function getMissionOperation(deps: Deps): OperationHandler<typeof getMission> {
  return async ({ operation, principal, params: { id }, call }) => {
    const { operator_id } = principal;
    const found = await ownMission(deps.ledger.load, principal, id);
    if (!found) return refuse(missionNotFound(id));
    const { mission } = found;
    // The mission is read from the log; what calls did comes from the read models.
    const waits = [deps.model, deps.usage].map((model) => waitForSeen(deps, operator_id, call.min_event_seq, model));
    const late = (await Promise.all(waits)).find((denial) => denial !== null);
    if (late) return refuse(late);
    const sha256 = mission.end?.output_sha256 ?? null;
    const [[object], output] = await Promise.all([
      missionObjects(deps, [mission]),
      sha256 === null ? null : deps.outputs.read(operator_id, id, sha256),
    ]);
    return success(operation, { ...object, output });
  };
}

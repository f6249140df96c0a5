/** `GET /v1/missions/:id` (api.md §7). */
import { refuse } from '@sallyport/contracts/call.ts';
import type { getMission } from '@sallyport/contracts/operations/missions.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { missionNotFound } from '../domain/mission.ts';
import { missionObjects } from '../mission-object.ts';
import { readMission, waitForSeen } from '../reading.ts';

export function getMissionOperation(deps: Deps): OperationHandler<typeof getMission> {
  return async ({ operation, principal, params: { id }, call }) => {
    const { operator_id } = principal;
    const mission = await readMission(deps.ledger.load, operator_id, id);
    if (!mission || (principal.type === 'agent' && mission.agent_id !== principal.id)) return refuse(missionNotFound(id));
    // The mission is read from the log; what calls did comes from the read models.
    const waits = [deps.model, deps.usage].map((model) => waitForSeen(deps, operator_id, call.min_event_seq, model));
    const late = (await Promise.all(waits)).find((denial) => denial !== null);
    if (late) return refuse(late);
    const [object] = await missionObjects(deps, [mission]);
    return success(operation, object);
  };
}

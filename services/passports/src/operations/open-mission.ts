/** `POST /v1/missions` (api.md §7). */
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionOpened } from '@sallyport/contracts/facts/passports.ts';
import { openMission as openMissionContract } from '@sallyport/contracts/operations/missions.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { namesIn, namesRefusal } from '../allowed-connections.ts';
import type { Deps } from '../deps.ts';
import { blockedDenial } from '../domain/life.ts';
import { MISSION, type MissionState } from '../domain/mission.ts';
import { openMission } from '../domain/open-mission.ts';
import { AGENT } from '../domain/agent.ts';
import { issueBasis } from '../issuing.ts';
import { missionObjects } from '../mission-object.ts';
import { readOperator } from '../reading.ts';

export function openMissionOperation(deps: Deps): OperationHandler<typeof openMissionContract> {
  return async ({ principal, body, scope }): Promise<BusAnswer> => {
    const { operator_id } = principal;
    const { agent_id, ...fields } = body;
    const agentId = agent_id ?? (principal.type === 'agent' ? principal.id : null);
    const decided = await deps.ledger.decide<MissionState>(scope, async (read) => {
      const basis = agentId === null ? null : await issueBasis({ read, principal }, agentId);
      if (basis && !basis.ok) return { deny: basis.denial };
      const outside = await namesRefusal(read.get, principal, namesIn(fields));
      if (outside) return { deny: outside };
      const operator = basis?.basis.operator ?? (await readOperator(read.get, operator_id));
      const frozen = blockedDenial(AGENT.initial(), operator);
      if (frozen) return { deny: frozen };
      const mission_id = newId('mission', read.now);
      const agent = basis?.basis.agent ?? null;
      const opened = openMission({ mission_id, agent, settings: operator.settings, fields, now_ms: read.now });
      if (!opened.ok) return { deny: opened.denial };
      const id = newId('event', read.now);
      const fact = draft(missionOpened, opened.opened, { id, mission_id, ...(agent && { agent_id: agent.id }) });
      const value = { ...MISSION.initial(), ...opened.opened, exists: true, operator_id, claim_id: auditIdOf(id) };
      return { write: [{ on: MISSION, operator_id, id: mission_id, facts: [fact] }], value };
    });
    if (!decided.ok) return refuse(decided.denial);
    const [mission] = await missionObjects(deps, [decided.value]);
    return answerOf(openMissionContract, decided, () => mission);
  };
}

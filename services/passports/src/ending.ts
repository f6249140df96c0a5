/** Ending a mission inside a decision (api.md §7): its facts, the revocation of its passports, the fence. */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { missionCompleted, missionRevoked } from '@sallyport/contracts/facts/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import { liveInMission } from './descendants.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { fence, revokedDraft } from './writes.ts';

export type Ending =
  | { as: 'completed'; output_sha256: string | null }
  | { as: 'revoked'; terminal_state: 'revoked_adversarial' | 'revoked_clean'; reason: string; notes: string | null };

export interface EndingFacts {
  write: Write[];
  revoked: string[];
  /** Below it. */
  cascaded: string[];
}

/** `factId`: of the ending itself, so that its audit row is known. */
export async function endMission(
  read: Reader,
  mission: MissionState,
  ending: Ending,
  { factId, by }: { factId: string; by: string },
): Promise<EndingFacts> {
  const { mission_id, operator_id, agent_id } = mission;
  const { own: revoked, below: cascaded } = await liveInMission(read.get, mission, read.now);
  const whose = { mission_id, ...(agent_id !== null && { agent_id }) };
  const facts: DraftFact[] = [endingFact(ending, read.now, { revoked, cascaded }, { ...whose, id: factId })];
  const reason = ending.as === 'completed' ? 'Mission completed' : `Mission revoked: ${ending.reason}`;
  if (revoked.length > 0 || cascaded.length > 0) {
    facts.push(revokedDraft({ kind: 'bulk_mission', target: mission_id, reason, cascaded, count: revoked.length, by }, whose));
  }
  return {
    write: [
      { on: MISSION, operator_id, id: mission_id, facts },
      fence(operator_id, 'mission', mission_id, 'revoked', [target('mission', mission_id)], reason, true),
    ],
    revoked,
    cascaded,
  };
}

function endingFact(
  ending: Ending,
  nowMs: number,
  { revoked, cascaded }: Pick<EndingFacts, 'revoked' | 'cascaded'>,
  whose: Pick<DraftFact, 'mission_id' | 'agent_id' | 'id'>,
): DraftFact {
  const ended = { ended_at_ms: nowMs, revoked, ...(cascaded.length > 0 && { cascaded }) };
  if (ending.as === 'completed') {
    return draft(missionCompleted, { ...ended, terminal_state: 'completed_successful', output_sha256: ending.output_sha256 }, whose);
  }
  const { terminal_state, reason, notes } = ending;
  return draft(missionRevoked, { ...ended, terminal_state, reason, notes }, whose);
}

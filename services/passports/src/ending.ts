/** Ending a mission inside a decision (api.md §7): its facts, the revocation of its passports, the fence. */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { missionCompleted, missionRevoked } from '@sallyport/contracts/facts/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import { lifeOf } from './domain/life.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { readFamily, readPassport } from './reading.ts';
import { fence, revokedDraft } from './writes.ts';

export type Ending =
  | { as: 'completed'; output_sha256: string | null }
  | { as: 'revoked'; terminal_state: 'revoked_adversarial' | 'revoked_clean'; reason: string; notes: string | null };

/** A mission holds few live passports at a time; older ones than these have lapsed. */
const MAX_LOOKED_AT = 200;

export async function livePassportsOf(read: Reader, mission: MissionState): Promise<string[]> {
  const lives = await Promise.all(
    mission.passports.slice(-MAX_LOOKED_AT).map(async ({ jti }) => {
      const passport = await readPassport(read.get, mission.operator_id, jti);
      return passport && lifeOf(await readFamily(read.get, mission.operator_id, passport), read.now).state === 'live' ? jti : null;
    }),
  );
  return lives.filter((jti) => jti !== null);
}

export interface EndingFacts {
  write: Write[];
  revoked: string[];
}

/** `factId`: of the ending itself, so that its audit row is known. */
export async function endMission(
  read: Reader,
  mission: MissionState,
  ending: Ending,
  { factId, by }: { factId: string; by: string },
): Promise<EndingFacts> {
  const { mission_id, operator_id, agent_id } = mission;
  const revoked = await livePassportsOf(read, mission);
  const whose = { mission_id, ...(agent_id !== null && { agent_id }) };
  const facts: DraftFact[] = [endingFact(ending, read.now, revoked, { ...whose, id: factId })];
  const reason = ending.as === 'completed' ? 'Mission completed' : `Mission revoked: ${ending.reason}`;
  if (revoked.length > 0) {
    facts.push(revokedDraft({ kind: 'bulk_mission', target: mission_id, reason, cascaded: [], count: revoked.length, by }, whose));
  }
  return {
    write: [
      { on: MISSION, operator_id, id: mission_id, facts },
      fence(operator_id, 'mission', mission_id, 'revoked', [target('mission', mission_id)], reason, true),
    ],
    revoked,
  };
}

function endingFact(ending: Ending, nowMs: number, revoked: string[], whose: Pick<DraftFact, 'mission_id' | 'agent_id' | 'id'>): DraftFact {
  if (ending.as === 'completed') {
    const { output_sha256 } = ending;
    return draft(missionCompleted, { terminal_state: 'completed_successful', ended_at_ms: nowMs, output_sha256, revoked }, whose);
  }
  const { terminal_state, reason, notes } = ending;
  return draft(missionRevoked, { terminal_state, ended_at_ms: nowMs, reason, notes, revoked }, whose);
}

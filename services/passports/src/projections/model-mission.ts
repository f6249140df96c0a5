/** Missions in the read model. */
import type { Fact, Position } from '@sallyport/contracts/fact.ts';
import type { Transaction } from 'kysely';
import { evolveMission, MISSION, type MissionState } from '../domain/mission.ts';
import type { Tables } from './tables.ts';

export async function projectMission(tx: Transaction<Tables>, id: string, fact: Fact, at: Position): Promise<void> {
  const row = await tx.selectFrom('mission').select('state').where('mission_id', '=', id).executeTakeFirst();
  const state = evolveMission(row?.state ?? MISSION.initial(), fact, at);
  if (!state.exists) return;
  const values = {
    agent_id: state.agent_id,
    status: state.end?.status ?? 'open',
    sessions: [...new Set(state.passports.map(({ session_id }) => session_id))],
    state: JSON.stringify(state),
  };
  await tx
    .insertInto('mission')
    .values({ ...fixed(state), ...values, checkpoints: 0, outcome: null, review_status: null, flags: '[]' })
    .onConflict((conflict) => conflict.column('mission_id').doUpdateSet(values))
    .execute();
}

function fixed(
  state: MissionState,
): Pick<MissionState, 'mission_id' | 'operator_id' | 'implicit' | 'parent_mission_id'> & { opened_ms: number; expires_ms: number } {
  const { mission_id, operator_id, implicit, parent_mission_id, opened_at_ms, expires_at_ms } = state;
  return { mission_id, operator_id, implicit, parent_mission_id, opened_ms: opened_at_ms, expires_ms: expires_at_ms };
}

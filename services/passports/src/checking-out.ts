/** The writes of a checkout: the passport's end, its implicit mission's completion, its children's revocation (api.md §6). */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionCompleted } from '@sallyport/contracts/facts/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { PASSPORT } from './domain/passport.ts';
import { readPassport } from './reading.ts';
import { fence, revokedDraft, revokedLine } from './writes.ts';

/** Later entries are refused; calls in flight finish. */
export function endedFence(operatorId: string, jti: string): Write {
  return fence(operatorId, 'passport', jti, 'ended', [target('jti', jti)], 'checked out');
}

/** An implicit mission is over with its passport. No revocation: nothing in flight is cut. */
export function implicitCompletion(mission: MissionState, nowMs: number): Write[] {
  if (!mission.implicit || mission.end) return [];
  const { mission_id, operator_id, agent_id } = mission;
  const data = { terminal_state: 'completed_successful', ended_at_ms: nowMs, output_sha256: null, revoked: [] } as const;
  const fact = draft(missionCompleted, { ...data, revoked: [] }, { mission_id, ...(agent_id !== null && { agent_id }) });
  return [
    { on: MISSION, operator_id, id: mission_id, facts: [fact] },
    fence(operator_id, 'mission', mission_id, 'narrowed', [target('mission', mission_id)], 'mission completed'),
  ];
}

/** Live descendants, each by its own line: the parent's line would cut the parent's calls in flight too. */
export async function revokedChildren(read: Reader, operatorId: string, jtis: readonly string[], keepEnforced: boolean): Promise<Write[]> {
  const reason = 'Parent checked out';
  const children = await Promise.all(jtis.map((jti) => readPassport(read.get, operatorId, jti)));
  return children.flatMap((child): Write[] => {
    if (!child || child.revoked || (keepEnforced && child.issued.mode === 'enforced')) return [];
    const { jti, agent_id, session_id, mission_id } = child.issued;
    const whose = { jti, agent_id, session_id, mission_id };
    const fact = revokedDraft({ kind: 'single', target: jti, reason, cascaded: [], count: 1, by: null }, whose);
    return [{ on: PASSPORT, operator_id: operatorId, id: jti, facts: [fact] }, revokedLine(operatorId, child.issued, reason, false)];
  });
}

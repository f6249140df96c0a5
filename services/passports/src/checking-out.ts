/** The writes of a checkout: the passport's end, its implicit mission's completion, its children's revocation (api.md §6). */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionCompleted } from '@sallyport/contracts/facts/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { liveBelow, liveOfLine } from './descendants.ts';
import { type IssuedPassportState, readCurrent, readHead } from './reading.ts';
import { revokeRead } from './revoking.ts';
import { fence, withoutAck } from './writes.ts';

/** Later entries are refused; calls in flight finish. */
export function endedFence(operatorId: string, jti: string): Write {
  return fence(operatorId, 'passport', jti, 'ended', [target('jti', jti)], 'checked out');
}

/**
 * An implicit mission is over with its passport. No revocation: nothing in flight is cut. With children that were kept it goes on until the last of them ends
 * (`consumers/kept-children.ts`).
 */
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

export interface Which {
  reason: string;
  /** When the parent was over, Unix ms. */
  ended_at_ms: number;
  keep_enforced: boolean;
  /** A batch takes 500 messages, four for each. */
  at_most: number;
}

/** A child that is over only because its parent is: its own time went on when that ended. */
async function outlasting(
  read: Reader,
  operatorId: string,
  head: IssuedPassportState,
  endedAtMs: number,
): Promise<IssuedPassportState | null> {
  if (head.revoked) return null;
  const current = await readCurrent(read.get, operatorId, head);
  const isOver = current.lapsed_at_ms !== null || current.checked_out !== null || endedAtMs >= current.expires_at_ms;
  return isOver ? null : current;
}

export const PARENT_CHECKED_OUT = 'Parent checked out';

/**
 * The live lines right below a passport that is over, each revoked with all that is below it: the parent's own line would cut the parent's calls in flight too.
 * Kept are enforced ones, if asked for.
 */
export async function revokedChildren(
  read: Reader,
  operatorId: string,
  head: IssuedPassportState,
  { reason, ended_at_ms, keep_enforced, at_most }: Which,
): Promise<{ write: Write[]; revoked: { jti: string; cascaded: string[] }[]; kept: number }> {
  const write: Write[] = [];
  const revoked: { jti: string; cascaded: string[] }[] = [];
  let kept = 0;
  for (const line of head.children) {
    const child = await readHead(read.get, operatorId, line);
    const live = (await liveOfLine(read.get, operatorId, child, read.now)) ?? (await outlasting(read, operatorId, child, ended_at_ms));
    const below = await liveBelow(read.get, operatorId, [child], read.now);
    if (!live && below.length === 0) continue;
    if (keep_enforced && child.issued.mode === 'enforced') {
      kept++;
      continue;
    }
    if (revoked.length >= at_most) break;
    const one = await revokeRead(read, live ?? child, { operator_id: operatorId, reason, by: null });
    if ('deny' in one || one.value.already_revoked) continue;
    write.push(...withoutAck(one.write));
    revoked.push({ jti: (live ?? child).issued.jti, cascaded: one.value.cascaded });
  }
  return { write, revoked, kept };
}

/**
 * What ends because something else ended: children of a passport that lapsed or checked out, missions below one that is over, an implicit mission whose last kept child
 * is gone, the missions of a deleted agent. All of it is dead already by what stands above it; here it is written down. Idempotent.
 */
import type { Decision, Reader } from '@sallyport/bus/ledger.ts';
import type { Write } from '@sallyport/bus/compose.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import {
  missionCheckedOut,
  missionCompleted,
  missionRevoked,
  passportLapsed,
  passportRevokeCascaded,
  passportRevoked,
} from '@sallyport/contracts/facts/passports.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { implicitCompletion, PARENT_CHECKED_OUT, revokedChildren, type Which } from '../checking-out.ts';
import type { Deps } from '../deps.ts';
import { liveBelow, openChildren } from '../descendants.ts';
import type { MissionState } from '../domain/mission.ts';
import { type Ending, endMission } from '../ending.ts';
import { announce } from '../propagation.ts';
import { readCurrent, readHead, readMission, readPassport } from '../reading.ts';
import { withoutAck } from '../writes.ts';
import { scopeAfter } from './consumer.ts';

const SERVICE = 'passports';
const LAPSED = 'checkpoint_silence: lapsed';
/** Four messages each at most, of the 500 that a batch holds. */
const PER_BATCH = 100;

export async function consequences(deps: Deps, fact: Fact): Promise<void> {
  const { jti, mission_id } = fact;
  const lapsed = dataOf(passportLapsed, fact);
  if (lapsed?.reason === 'no_checkpoint' && jti !== undefined)
    await endChildren(deps, fact, jti, { reason: LAPSED, ended_at_ms: lapsed.expires_at_ms, keep_enforced: false });
  const out = dataOf(missionCheckedOut, fact);
  if (out?.ended_by === 'checkout' && jti !== undefined) {
    const { checked_out_at_ms: ended_at_ms, keep_children: keep_enforced } = out;
    await endChildren(deps, fact, jti, { reason: PARENT_CHECKED_OUT, ended_at_ms, keep_enforced });
  }
  if ((dataOf(missionCompleted, fact) ?? dataOf(missionRevoked, fact)) && mission_id !== undefined)
    await endMissionsBelow(deps, fact, mission_id);
  const ended = dataOf(passportRevoked, fact)?.kind === 'single' || dataOf(passportRevokeCascaded, fact) || lapsed || out;
  if (ended && jti !== undefined) await settleParents(deps, fact, jti);
}

type Revocations = { jti: string; cascaded: string[] }[];

/** Until none is left: one batch takes so many. */
async function endChildren(deps: Deps, fact: Fact, jti: string, which: Omit<Which, 'at_most'>): Promise<void> {
  const { operator_id } = fact;
  const read = async (reader: Reader): Promise<Decision<Revocations>> => {
    const passport = await readPassport(reader.get, operator_id, jti);
    if (!passport) return { write: [], value: [] };
    const head = await readHead(reader.get, operator_id, passport.issued.line);
    if (head.children.length === 0) return { write: [], value: [] };
    const { write, revoked } = await revokedChildren(reader, operator_id, head, { ...which, at_most: PER_BATCH });
    return { write, value: revoked };
  };
  for (;;) {
    const decided = await deps.ledger.decide<Revocations>(scopeAfter(fact, SERVICE), read);
    if (!decided.ok || decided.value.length === 0) return;
    const at = deps.clock.now();
    for (const one of decided.value)
      announce(deps, operator_id, { type: 'single', operator_id, ...one, reason: which.reason, at }, 1 + one.cascaded.length);
  }
}

async function endMissionsBelow(deps: Deps, fact: Fact, missionId: string): Promise<void> {
  const { operator_id } = fact;
  const mission = await readMission(deps.ledger.load, operator_id, missionId);
  if (!mission?.end) return;
  const { status, terminal_state } = mission.end;
  for (const child of await openChildren(deps.ledger.load, mission)) {
    await endOne(deps, fact, child.mission_id, {
      as: 'revoked',
      terminal_state: terminal_state === 'revoked_adversarial' ? 'revoked_adversarial' : 'revoked_clean',
      reason: `Parent mission ${status}`,
      notes: null,
    });
  }
}

/** `null`: it has ended meanwhile. */
export async function endOne(deps: Deps, fact: Fact, missionId: string, ending: Ending): Promise<void> {
  const { operator_id } = fact;
  await deps.ledger.decide<null>(scopeAfter(fact, SERVICE), async (read) => {
    const mission = await readMission(read.get, operator_id, missionId);
    if (!mission || mission.end) return { write: [], value: null };
    const made = await endMission(read, mission, ending, { factId: newId('event', read.now), by: `service:${SERVICE}` });
    return { write: withoutAck(made.write), value: null };
  });
}

/** With the end of the last child that a checkout kept, the implicit missions above it are complete (api.md §7.1). */
async function settleParents(deps: Deps, fact: Fact, jti: string): Promise<void> {
  const { operator_id } = fact;
  const passport = await readPassport(deps.ledger.load, operator_id, jti);
  for (const parent of passport?.issued.parents ?? []) {
    const decided = await deps.ledger.decide<boolean>(scopeAfter(fact, SERVICE), async (read) => {
      const mission = await readMission(read.get, operator_id, parent.mission_id);
      if (!mission?.implicit || mission.end) return { write: [], value: mission?.end !== null };
      const done = await isDone(read, operator_id, mission, parent.line);
      const write: Write[] = done ? implicitCompletion(mission, read.now) : [];
      return { write, value: done };
    });
    if (!decided.ok || !decided.value) return;
  }
}

async function isDone(read: Reader, operatorId: string, mission: MissionState, line: string): Promise<boolean> {
  const head = await readHead(read.get, operatorId, line);
  const current = await readCurrent(read.get, operatorId, head);
  if (current.checked_out?.data.ended_by !== 'checkout') return false;
  // Seen by the write: a refresh or delegation would change the mission.
  return read.now < mission.expires_at_ms && (await liveBelow(read.get, operatorId, [head], read.now)).length === 0;
}

/** Revocations inside a decision, for the API and for the consumers that revoke on their own (signals, disconnected connections). */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Decision, Reader } from '@sallyport/bus/ledger.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { missionRevoked } from '@sallyport/contracts/facts/passports.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from './deps.ts';
import { lifeOf } from './domain/life.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { PASSPORT } from './domain/passport.ts';
import { jtis, liveBelow } from './descendants.ts';
import { type IssuedPassportState, noPassport, ownObjectsOnly, readCurrent, readFamily, readHead, readPassport } from './reading.ts';
import { fence, revokedDraft, revokedLine } from './writes.ts';

export interface SingleRevocation {
  cascaded: string[];
  reason: string;
  at: number;
  already_revoked: boolean;
}

export interface SingleInput {
  operator_id: string;
  jti: string;
  reason: string;
  by: string | null;
  /** Null: the platform itself. */
  as: Principal | null;
  /** How an implicit mission of the passport ends. */
  terminal_state?: 'revoked_adversarial' | 'revoked_clean';
}

export async function revokeSingle(deps: Deps, read: Reader, input: SingleInput): Promise<Decision<SingleRevocation>> {
  const { operator_id, jti, as } = input;
  const passport = await readPassport(read.get, operator_id, jti);
  if (!passport) return { deny: noPassport(jti) };
  if (as?.type === 'agent' && !mayRevoke(as.id, passport.issued)) return { deny: ownObjectsOnly() };
  return revokeRead(read, passport, input);
}

/** The same for a passport that was read already. The fact stands on the line's head: a refresh that is on its way does not escape it. */
export async function revokeRead(
  read: Reader,
  passport: IssuedPassportState,
  { operator_id, reason, by, terminal_state = 'revoked_clean' }: Omit<SingleInput, 'jti' | 'as'>,
): Promise<Decision<SingleRevocation>> {
  const { issued } = passport;
  const head = issued.line === issued.jti ? passport : await readHead(read.get, operator_id, issued.line);
  const current = await readCurrent(read.get, operator_id, head);
  const [family, below] = await Promise.all([
    readFamily(read.get, operator_id, current),
    liveBelow(read.get, operator_id, [head], read.now),
  ]);
  const life = lifeOf(family, read.now);
  if (life.state === 'revoked' || (life.state === 'checked_out' && below.length === 0)) {
    const text = life.state === 'revoked' ? life.reason : 'checked_out';
    return { write: [], value: { cascaded: [], reason: text, at: life.at_ms, already_revoked: true } };
  }
  const { agent_id, session_id, mission_id, jti } = issued;
  const successor = life.state === 'live' && current.issued.jti !== jti ? [current.issued.jti] : [];
  const cascaded = [...successor, ...jtis(below)];
  const fact = revokedDraft({ kind: 'single', target: jti, reason, cascaded, count: 1, by }, { agent_id, session_id, mission_id, jti });
  return {
    write: [
      { on: PASSPORT, operator_id, id: issued.line, facts: [fact] },
      ...implicitRevocation(family.self.mission, [current.issued.jti], reason, terminal_state, read.now),
      revokedLine(operator_id, issued, reason),
    ],
    value: { cascaded, reason, at: read.now, already_revoked: false },
  };
}

/** Its own passports and their descendants. */
function mayRevoke(agentId: string, issued: { agent_id: string; parents: readonly { agent_id: string }[] }): boolean {
  return issued.agent_id === agentId || issued.parents.some((parent) => parent.agent_id === agentId);
}

/** An implicit mission is revoked with its passport (api.md §7.1). */
export function implicitRevocation(
  mission: MissionState,
  revoked: string[],
  reason: string,
  terminal_state: 'revoked_adversarial' | 'revoked_clean',
  nowMs: number,
): Write[] {
  if (!mission.exists || !mission.implicit || mission.end) return [];
  const { mission_id, operator_id, agent_id } = mission;
  const data = { terminal_state, ended_at_ms: nowMs, reason, notes: null, revoked };
  const fact: DraftFact = draft(missionRevoked, data, { mission_id, ...(agent_id !== null && { agent_id }) });
  return [
    { on: MISSION, operator_id, id: mission_id, facts: [fact] },
    fence(operator_id, 'mission', mission_id, 'revoked', [target('mission', mission_id)], 'mission revoked'),
  ];
}

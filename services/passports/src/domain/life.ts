/**
 * Is a passport alive? Its own facts, then everything above it: session, agent, mission, operator, and each link to its root. What revokes counts
 * for passports that stand before it in the log (api.md §11). Pure.
 */
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import type { AgentState } from './agent.ts';
import type { MissionState } from './mission.ts';
import type { OperatorState } from './operator.ts';
import type { Issued, PassportState } from './passport.ts';
import { kills, type Revocation } from './revocation.ts';
import type { SessionState } from './session.ts';

/** One link: the passport and what stands above it. The operator and the session are the family's. */
export interface Link {
  /** Of a parent: the one that stands for its line now. */
  passport: PassportState & { issued: Issued };
  /** The first passport of its line; itself, if it is that. */
  head: PassportState;
  agent: AgentState;
  mission: MissionState;
}

export interface Family {
  self: Link;
  /** From the parent to the root. */
  parents: Link[];
  session: SessionState;
  operator: OperatorState;
}

export type Life = { state: 'live'; expires_at_ms: number } | { state: DeadState; reason: string; at_ms: number; expires_at_ms: number };

type DeadState = 'revoked' | 'superseded' | 'checked_out' | 'lapsed';
type Dead = { state: DeadState; reason: string; at_ms: number };

export function lifeOf(family: Family, nowMs: number): Life {
  const { self, parents, session, operator } = family;
  const links = [self, ...parents];
  const expires_at_ms = earliest(links);
  const dead = ownEnd(self) ?? endOf(links, self, session, operator);
  if (dead) return { ...dead, expires_at_ms };
  return nowMs >= expires_at_ms
    ? { state: 'lapsed', reason: 'expired', at_ms: expires_at_ms, expires_at_ms }
    : { state: 'live', expires_at_ms };
}

/** Checked out while alive is the passport's own end; a checkout recorded after its death only reports. */
function ownEnd({ passport }: Link): Dead | null {
  if (passport.checked_out?.data.ended_by !== 'checkout') return null;
  return { state: 'checked_out', reason: 'checked_out', at_ms: passport.checked_out.data.checked_out_at_ms };
}

/** A revocation anywhere in the chain tells its reason; only without one, a mission or a time that is over does: the cascade ends implicit missions too. */
function endOf(links: readonly Link[], self: Link | null, session: SessionState, operator: OperatorState): Dead | null {
  const revoked = links.map((link) => revocationOfLink(link, session, operator)).find((end) => end !== null);
  return revoked ?? links.map((link) => endOfLink(link, link === self)).find((end) => end !== null) ?? null;
}

function endOfLink({ passport, mission }: Link, isSelf: boolean): Dead | null {
  if (passport.superseded_by !== null) return { state: 'superseded', reason: 'superseded', at_ms: passport.superseded_at_ms ?? 0 };
  if (passport.lapsed_at_ms !== null) return { state: 'lapsed', reason: 'expired', at_ms: passport.expires_at_ms };
  const { end } = mission;
  if (!end || end.status === 'expired' || (isSelf && end.at_ms >= passport.expires_at_ms)) return null;
  return { state: 'revoked', reason: `mission_${end.status}`, at_ms: end.at_ms };
}

/**
 * Compared is the beginning of the line: a refresh that was on its way while its passport was revoked stands behind the revocation, and what it continues does not.
 */
function revocationOfLink({ head, agent }: Link, session: SessionState, operator: OperatorState): Dead | null {
  if (head.revoked) return { state: 'revoked', reason: head.revoked.reason, at_ms: head.revoked.at_ms };
  const revocations: Revocation[] = [session.revocation, agent.revocation, operator.revocation];
  const killer = revocations.filter((one) => kills(one, head.issued_seq)).sort((a, b) => a.seq - b.seq)[0];
  return killer ? { state: 'revoked', reason: killer.reason, at_ms: killer.at_ms } : null;
}

/** What the passport's parents allow, whatever its own state; a parent that has checked out leaves the children that it kept alone. Null: it has none. */
export function lifeAbove({ parents, session, operator }: Family, nowMs: number): Life | null {
  if (parents.length === 0) return null;
  const expires_at_ms = earliest(parents);
  const dead = endOf(parents, null, session, operator);
  if (dead) return { ...dead, expires_at_ms };
  return nowMs >= expires_at_ms
    ? { state: 'lapsed', reason: 'expired', at_ms: expires_at_ms, expires_at_ms }
    : { state: 'live', expires_at_ms };
}

function earliest(links: readonly Link[]): number {
  return Math.min(...links.map(({ passport, mission }) => Math.min(passport.expires_at_ms, mission.expires_at_ms)));
}

/** The public word for a passport that cannot be used any more. */
export function deadDenial(jti: string, life: Exclude<Life, { state: 'live' }>): Denial {
  if (life.state === 'lapsed') return denial('PASSPORT_EXPIRED', `Passport ${jti} has expired.`, { reason: 'expired' });
  const words = { checked_out: 'was checked out', superseded: 'was replaced by a refresh', revoked: 'was revoked' }[life.state];
  return denial('PASSPORT_REVOKED', `Passport ${jti} ${words}.`, { reason: life.reason });
}

/** Stops above the passport that last as long as they last: they do not end it. */
export function blockedDenial(agent: AgentState, operator: OperatorState): Denial | null {
  if (operator.frozen) return denial('PASSPORT_BLOCKED', 'The operator is frozen.', { reason: 'operator_frozen' });
  if (agent.agent?.passport_blocked) {
    return denial('PASSPORT_BLOCKED', 'The agent is blocked.', { reason: agent.blocked_by === 'operator' ? 'operator' : 'review' });
  }
  return null;
}

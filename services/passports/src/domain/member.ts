/** A member of an operator's team (api.md §17): invited, active, removed. What it may do follows from this state alone, read on every use. Pure. */
import { type Actor, dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { memberAdded } from '@sallyport/contracts/facts/identity.ts';
import { memberAccepted, memberInvited, memberKeyRotated, memberRemoved, memberUpdated } from '@sallyport/contracts/facts/people.ts';
import type { Member } from '@sallyport/contracts/objects/operator.ts';
import type { Role } from '@sallyport/contracts/principal.ts';
import { iso } from '@sallyport/contracts/time.ts';

export interface MemberState {
  exists: boolean;
  id: string;
  operator_id: string;
  email: string;
  name: string;
  role: Role;
  status: Member['status'];
  /** `scon_` ids or provider slugs; null: all. */
  allowed_connections: string[] | null;
  created_at_ms: number;
  created_by: Actor | null;
  /** Null: never had one, or not yet. */
  key_id: string | null;
  /** The last invitation; it stays when it was used, so that a second use is told from a wrong token. */
  invite: { hmac: string; expires_at_ms: number } | null;
}

export const MEMBER = {
  kind: 'member',
  initial: (): MemberState => ({
    exists: false,
    id: '',
    operator_id: '',
    email: '',
    name: '',
    role: 'readonly',
    status: 'removed',
    allowed_connections: null,
    created_at_ms: 0,
    created_by: null,
    key_id: null,
    invite: null,
  }),
  evolve: evolveMember,
};

export function evolveMember(state: MemberState, fact: Fact, at: Position): MemberState {
  const added = dataOf(memberAdded, fact);
  if (added) return { ...made(state, fact, at), ...person(added), status: added.status };
  const invited = dataOf(memberInvited, fact);
  if (invited) {
    const { allowed_connections, invite_hmac: hmac, expires_at_ms } = invited;
    const invite = { hmac, expires_at_ms };
    return { ...made(state, fact, at), ...person(invited), status: 'invited', allowed_connections, invite };
  }
  if (!state.exists) return state;
  const accepted = dataOf(memberAccepted, fact);
  if (accepted) return { ...state, status: 'active', key_id: accepted.key_id };
  const updated = dataOf(memberUpdated, fact);
  if (updated) return { ...state, ...updated.changes };
  const rotated = dataOf(memberKeyRotated, fact);
  if (rotated) return { ...state, key_id: rotated.new_key_id };
  return dataOf(memberRemoved, fact) ? { ...state, status: 'removed', key_id: null, invite: null } : state;
}

function made(state: MemberState, fact: Fact, at: Position): MemberState {
  if (state.exists) return state;
  return { ...state, exists: true, operator_id: fact.operator_id, created_at_ms: at.ts_ms, created_by: fact.actor };
}

type Person = Pick<MemberState, 'id' | 'name' | 'email' | 'role'>;

function person({ member_id: id, name, email, role }: Omit<Person, 'id'> & { member_id: string }): Person {
  return { id, name, email, role };
}

/** Whoever may act now; an invited one has to accept first, a removed one never comes back. */
export function isActive(state: MemberState): boolean {
  return state.exists && state.status === 'active';
}

/** The wire form (api.md §17). */
export function memberObject(state: MemberState, lastSeenMs: number | null): Member {
  const { id, operator_id, email, name, role, status, allowed_connections } = state;
  return {
    id,
    operator_id,
    email,
    name,
    role,
    status,
    allowed_connections,
    last_seen_at: lastSeenMs === null ? null : iso(lastSeenMs),
    created_at: iso(state.created_at_ms),
  };
}

/**
 * Who belongs to an operator (api.md §17), as its own aggregate knows it: that there is an owner left, and that an address is nobody else's, is settled by the
 * sequence of that aggregate. And who may do what to whom. Pure.
 */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { hasLetter, type Principal, type Role, ROLES } from '@sallyport/contracts/principal.ts';

export interface TeamMember {
  /** Null: an owner from before addresses stood here; its own aggregate has it. */
  email: string | null;
  role: Role;
  status: 'invited' | 'active';
}

export type Team = Readonly<Record<string, TeamMember>>;

export function ownerFromStart(memberId: string): Team {
  return memberId === '' ? {} : { [memberId]: { email: null, role: 'owner', status: 'active' } };
}

interface Change {
  member_id: string;
  email: string;
  role: Role;
  status: 'invited' | 'active' | 'removed';
}

export function teamWith(team: Team, { member_id, email, role, status }: Change): Team {
  const { [member_id]: _before, ...others } = team;
  return status === 'removed' ? others : { ...others, [member_id]: { email, role, status } };
}

/** Active members that could decide under these roles (api.md §5.3, `quorum`). */
export function decidersAmong(team: Team, roles: readonly string[]): number {
  return Object.values(team).filter(({ role, status }) => status === 'active' && roles.includes(role)).length;
}

/** An invited owner has not come yet and may never come. */
export function isLastOwner(team: Team, memberId: string): boolean {
  const owners = Object.entries(team).filter(([, { role, status }]) => role === 'owner' && status === 'active');
  return owners.length === 1 && owners[0]?.[0] === memberId;
}

export function lastOwner(): Denial {
  return denial('CONFLICT', 'An operator has an owner.', { reason: 'last_owner' });
}

function rank(role: Role | null): number {
  return role === null ? -1 : ROLES.indexOf(role);
}

/** Owners are made, changed and removed by W; everybody else by somebody whose role is not below theirs. */
export function mayHandle(who: Principal, role: Role): boolean {
  if (role === 'owner') return hasLetter(who, 'W');
  return hasLetter(who, 'A') && (who.type === 'operator' || rank(role) <= rank(who.role));
}

export function roleRaised(before: Role, after: Role): boolean {
  return rank(after) > rank(before);
}

/** Of an id, null where there is no such connection. */
export type ProviderOf = (connectionId: string) => string | null;

/** Does this list (null: all) contain the connection or provider that an entry of another list names? */
export function covers(list: readonly string[] | null, entry: string, providerOf: ProviderOf): boolean {
  if (list === null || list.includes(entry)) return true;
  const provider = entry.startsWith('scon_') ? providerOf(entry) : null;
  return provider !== null && list.includes(provider);
}

/** In doubt a change widens: a provider's name reaches connections of tomorrow. */
export function widensConnections(before: readonly string[] | null, after: readonly string[] | null, providerOf: ProviderOf): boolean {
  if (before === null) return false;
  return after === null || after.some((entry) => !covers(before, entry, providerOf));
}

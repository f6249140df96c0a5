/** What the operations of the team have in common: whom a caller may handle, and to which connections it may let somebody. */
import type { Reader } from '@sallyport/bus/ledger.ts';
import { connectionNotAllowed } from '@sallyport/contracts/allowed-connections.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { teamChanged } from '@sallyport/contracts/facts/people.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { MemberState } from '../../domain/member.ts';
import { covers, type ProviderOf, type Team } from '../../domain/team.ts';
import { readMember } from '../../members.ts';
import { readConnection } from '../../reading.ts';
import { unknownConnection } from '../register-agent.ts';

export function notYours(): Denial {
  return denial('FORBIDDEN', 'This takes a role that you do not have.', { reason: 'role' });
}

export function isSelf(principal: Principal, memberId: string): boolean {
  return principal.type === 'member' && principal.id === memberId;
}

/** On the operator: the same as on the member, in one batch. */
export function teamFact({ id: member_id, email, role, status }: Pick<MemberState, 'id' | 'email' | 'role' | 'status'>): DraftFact {
  return draft(teamChanged, { member_id, email, role, status });
}

/** Providers of all connections that these lists name. */
export async function providersOf(read: Reader, operatorId: string, ...lists: (readonly string[] | null)[]): Promise<ProviderOf> {
  const ids = [...new Set(lists.flatMap((list) => list ?? []))].filter((entry) => entry.startsWith('scon_'));
  const connections = await Promise.all(ids.map((id) => readConnection(read.get, operatorId, id)));
  const known = new Map(connections.flatMap((connection) => (connection ? [[connection.id, connection.provider]] : [])));
  return (id) => known.get(id) ?? null;
}

/** Connections that somebody may get from this caller: they exist, and are within its own. */
export async function connectionsRefusal(read: Reader, principal: Principal, wanted: readonly string[] | null): Promise<Denial | null> {
  const { operator_id, allowed_connections: own } = principal;
  const ids = (wanted ?? []).filter((entry) => entry.startsWith('scon_'));
  const missing = await unknownConnection(read.get, operator_id, ids);
  if (missing) return missing;
  if (own === null) return null;
  const providerOf = await providersOf(read, operator_id, wanted, own);
  return wanted === null || wanted.some((entry) => !covers(own, entry, providerOf)) ? connectionNotAllowed() : null;
}

/** The member whose address this is, whatever its case. */
export async function memberWithEmail(read: Reader, operatorId: string, team: Team, email: string): Promise<MemberState | null> {
  const same = (one: string): boolean => one.toLowerCase() === email.toLowerCase();
  for (const [id, member] of Object.entries(team)) {
    if (member.email !== null && !same(member.email)) continue;
    const state = await readMember(read.get, operatorId, id);
    if (state && same(state.email)) return state;
  }
  return null;
}

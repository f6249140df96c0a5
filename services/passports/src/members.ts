/** Members of calls: found by id, read at the leader, and what they are as callers. */
import { readLedger } from '@sallyport/bus/api.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { CredentialKind, Principal } from '@sallyport/contracts/principal.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from './deps.ts';
import { isActive, MEMBER, type MemberState } from './domain/member.ts';
import type { Read } from './reading.ts';

const MAX_KNOWN = 50_000;
/** Member → operator; a member never changes hands. */
const operators = new Map<string, string>();

/** For calls that bring nothing but a member's id. Null: no such member. */
export async function operatorOfMember(deps: Pick<Deps, 'bus'>, memberId: string): Promise<string | null> {
  if (!isId('member', memberId)) return null;
  const known = operators.get(memberId);
  if (known !== undefined) return known;
  const last = await readLedger(deps.bus, { last_by_subj: `ledger.*.*.member.${memberId}` });
  const subject = last && parseSubject(last.subject);
  if (subject?.type !== 'aggregate') return null;
  operators.set(memberId, subject.operator_id);
  for (const oldest of operators.size > MAX_KNOWN ? operators.keys().take(1) : []) operators.delete(oldest);
  return subject.operator_id;
}

/** The member unless it was removed. */
export async function readMember(read: Read, operatorId: string, id: string): Promise<MemberState | null> {
  if (!isId('member', id)) return null;
  const { state } = await read(MEMBER, operatorId, id);
  return state.exists && state.status !== 'removed' ? state : null;
}

export function noMember(id: string): Denial {
  return notFound('Member', id);
}

/** An active member as a caller; null for one that may not act. `scopes`: null where the credential has none. */
export function memberPrincipal(
  member: MemberState,
  credential: Extract<CredentialKind, 'member_key' | 'session' | 'access_token' | 'ticket'>,
  scopes: string[] | null,
): Principal | null {
  if (!isActive(member)) return null;
  const { id, operator_id, role, allowed_connections } = member;
  return { type: 'member', id, operator_id, role, credential, allowed_connections, scopes, target: target('member', id) };
}

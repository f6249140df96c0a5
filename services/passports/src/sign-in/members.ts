/** What sign-in asks about members and their operator. */
import type { Write } from '@sallyport/bus/compose.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { operatorSignedIn } from '@sallyport/contracts/facts/people.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from '../deps.ts';
import { isActive, MEMBER, type MemberState } from '../domain/member.ts';
import { OPERATOR } from '../domain/operator.ts';
import type { Read } from '../reading.ts';
import { fence } from '../writes.ts';

export async function readActiveMember(read: Read, operatorId: string, memberId: string): Promise<MemberState | null> {
  if (!isId('member', memberId)) return null;
  const { state } = await read(MEMBER, operatorId, memberId);
  return isActive(state) ? state : null;
}

export interface MemberOf {
  operator_id: string;
  member_id: string;
}

/** The active members of this address, one per operator. From the read model: a member of the last moments may be missing. */
export async function activeMembersByEmail({ database }: Pick<Deps, 'database'>, email: string): Promise<MemberOf[]> {
  return database.db
    .selectFrom('member')
    .select(['operator_id', 'member_id'])
    .where('email', '=', email.toLowerCase())
    .where('status', '=', 'active')
    .orderBy('member_id')
    .execute();
}

export async function readOperatorName({ ledger }: Pick<Deps, 'ledger'>, operatorId: string): Promise<string> {
  return (await ledger.load(OPERATOR, operatorId, operatorId)).state.name;
}

/** What ends the first run of an operator (api.md §3.2), to be written with its first sign-in; nothing at every later one. */
export async function firstSignIn(read: Read, operatorId: string, memberId: string): Promise<Write[]> {
  const { state } = await read(OPERATOR, operatorId, operatorId);
  if (state.signed_in) return [];
  return [
    { on: OPERATOR, operator_id: operatorId, id: operatorId, facts: [draft(operatorSignedIn, { member_id: memberId })] },
    fence(operatorId, 'operator', operatorId, 'narrowed', [target('operator', operatorId)], 'first sign-in'),
  ];
}

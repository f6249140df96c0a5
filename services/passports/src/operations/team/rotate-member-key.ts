/**
 * `POST /v1/team/members/:id/rotate-key` (api.md §17): by A, or by that member in a session. Whoever gets the key acts as the member, so nobody gets one of a role
 * or with connections beyond its own.
 */
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { memberKeyRotated } from '@sallyport/contracts/facts/people.ts';
import { rotateMemberKey } from '@sallyport/contracts/operations/team.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { isActive, MEMBER, type MemberState } from '../../domain/member.ts';
import { mayHandle } from '../../domain/team.ts';
import { newMemberKey, retiredKey } from '../../member-keys.ts';
import { noMember, readMember } from '../../members.ts';
import { narrowedMember } from '../../writes.ts';
import { connectionsRefusal, isSelf, notYours } from './team-rules.ts';

export function rotateMemberKeyOperation(deps: Deps): OperationHandler<typeof rotateMemberKey> {
  return async ({ principal, params: { id }, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<{ api_key: string }>(scope, async (read) => {
      const member = await readMember(read.get, operator_id, id);
      if (!member) return { deny: noMember(id) };
      const refusal = await keyRefusal(read, principal, member);
      if (refusal) return { deny: refusal };
      const [made, retired] = await Promise.all([newMemberKey(deps, read, operator_id, id), retiredKey(read, operator_id, member.key_id)]);
      const rotated = draft(memberKeyRotated, { member_id: id, old_key_id: member.key_id, new_key_id: made.key_id });
      return {
        write: [
          { on: MEMBER, operator_id, id, facts: [rotated] },
          ...made.write,
          ...retired,
          narrowedMember(operator_id, id, 'key rotated'),
        ],
        value: { api_key: made.key },
      };
    });
    return answerOf(rotateMemberKey, decided, (value) => value);
  };
}

async function keyRefusal(read: Reader, principal: Principal, member: MemberState): Promise<Denial | null> {
  const itself = isSelf(principal, member.id) && principal.credential === 'session';
  if (!itself && !mayHandle(principal, member.role)) return notYours();
  if (!isActive(member)) return notFound('Key of member', member.id);
  return itself ? null : connectionsRefusal(read, principal, member.allowed_connections);
}

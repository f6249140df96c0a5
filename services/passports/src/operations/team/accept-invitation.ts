/** `POST /v1/team/members/:id/accept` (api.md §17): the invited one shows the token and gets its key, once. */
import { refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { memberAccepted } from '@sallyport/contracts/facts/people.ts';
import type { Member } from '@sallyport/contracts/objects/operator.ts';
import { acceptInvitation } from '@sallyport/contracts/operations/team.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { sameText } from '../../api-keys.ts';
import type { Deps } from '../../deps.ts';
import { MEMBER, memberObject, type MemberState } from '../../domain/member.ts';
import { OPERATOR } from '../../domain/operator.ts';
import { inviteHash } from '../../invitation.ts';
import { newMemberKey } from '../../member-keys.ts';
import { noMember, operatorOfMember, readMember } from '../../members.ts';
import { readOperator } from '../../reading.ts';
import { alreadyActive } from './invite-member.ts';
import { teamFact } from './team-rules.ts';

interface Accepted {
  member: Member;
  api_key: string;
}

export function acceptInvitationOperation(deps: Deps): OperationHandler<typeof acceptInvitation> {
  return async ({ params: { id }, body: { token }, scopeFor }) => {
    const operator_id = await operatorOfMember(deps, id);
    if (operator_id === null) return refuse(noMember(id));
    const hmac = deps.keys.hmac(inviteHash(token));
    const decided = await deps.ledger.decide<Accepted>(scopeFor(operator_id, { type: 'member', id }), async (read) => {
      const member = await readMember(read.get, operator_id, id);
      if (!member) return { deny: noMember(id) };
      const refusal = inviteRefusal(member, hmac, read.now);
      if (refusal) return { deny: refusal };
      await readOperator(read.get, operator_id);
      const made = await newMemberKey(deps, read, operator_id, id);
      const active: MemberState = { ...member, status: 'active', key_id: made.key_id };
      return {
        write: [
          { on: OPERATOR, operator_id, id: operator_id, facts: [teamFact(active)] },
          { on: MEMBER, operator_id, id, facts: [draft(memberAccepted, { member_id: id, key_id: made.key_id })] },
          ...made.write,
        ],
        value: { member: memberObject(active, null), api_key: made.key },
      };
    });
    return answerOf(acceptInvitation, decided, (value) => value);
  };
}

/** Who has not the token learns nothing about the member but that it exists. */
function inviteRefusal({ invite, status }: MemberState, hmac: string, nowMs: number): Denial | null {
  if (!invite || !sameText(invite.hmac, hmac))
    return denial('UNAUTHORIZED', 'This is no invitation of this member.', { reason: 'malformed' });
  if (status === 'active') return alreadyActive();
  return nowMs < invite.expires_at_ms ? null : denial('UNAUTHORIZED', 'The invitation has expired.', { reason: 'expired' });
}

/**
 * `DELETE /v1/team/members/:id` (api.md §17). Key, sessions and tokens die with the member's own fact: they are judged by it on every use, and its fence reaches
 * the gateways. The passports that it issued live on unless asked otherwise.
 */
import { draft } from '@sallyport/contracts/fact.ts';
import { memberRemoved } from '@sallyport/contracts/facts/people.ts';
import { removeMember } from '@sallyport/contracts/operations/team.ts';
import { target } from '@sallyport/contracts/target.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { MEMBER } from '../../domain/member.ts';
import { OPERATOR } from '../../domain/operator.ts';
import { isLastOwner, lastOwner, mayHandle } from '../../domain/team.ts';
import { revokeIssuedBy } from '../../issued-by-member.ts';
import { retiredKey } from '../../member-keys.ts';
import { noMember, readMember } from '../../members.ts';
import { propagation } from '../../propagation.ts';
import { readOperator } from '../../reading.ts';
import { fence } from '../../writes.ts';
import { isSelf, notYours, teamFact } from './team-rules.ts';

export function removeMemberOperation(deps: Deps): OperationHandler<typeof removeMember> {
  return async ({ principal, params: { id }, query, scope }) => {
    const { operator_id } = principal;
    const revoke_passports = query.revoke_passports === true;
    const decided = await deps.ledger.decide<{ id: string; removed: true }>(scope, async (read) => {
      const [operator, member] = await Promise.all([readOperator(read.get, operator_id), readMember(read.get, operator_id, id)]);
      if (!member) return { deny: noMember(id) };
      if (isSelf(principal, id) || !mayHandle(principal, member.role)) return { deny: notYours() };
      if (isLastOwner(operator.team, id)) return { deny: lastOwner() };
      const retired = await retiredKey(read, operator_id, member.key_id);
      return {
        write: [
          { on: OPERATOR, operator_id, id: operator_id, facts: [teamFact({ ...member, status: 'removed' })] },
          { on: MEMBER, operator_id, id, facts: [draft(memberRemoved, { member_id: id, revoke_passports })] },
          ...retired,
          fence(operator_id, 'member', id, 'revoked', [target('member', id)], 'member removed', true),
        ],
        value: { id, removed: true as const },
      };
    });
    if (decided.ok) {
      await propagation(deps, decided);
      // The removal stands; what is missed here, the consumer of its fact finds.
      if (revoke_passports) await revokeIssuedBy(deps, scope, id);
    }
    return answerOf(removeMember, decided, (value) => value);
  };
}

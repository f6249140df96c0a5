/** `PATCH /v1/team/members/:id` (api.md §17). In force from the member's next request on: a fence makes every gateway ask again. */
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { memberUpdated } from '@sallyport/contracts/facts/people.ts';
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import { updateMember } from '@sallyport/contracts/operations/team.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { MEMBER, memberObject, type MemberState } from '../../domain/member.ts';
import { OPERATOR } from '../../domain/operator.ts';
import { isLastOwner, lastOwner, mayHandle, roleRaised, widensConnections } from '../../domain/team.ts';
import { noMember, readMember } from '../../members.ts';
import { lastSeen } from '../../projections/member-seen.ts';
import { readOperator } from '../../reading.ts';
import { narrowedMember } from '../../writes.ts';
import { connectionsRefusal, isSelf, notYours, providersOf, teamFact } from './team-rules.ts';

type Changes = Partial<Pick<MemberState, 'name' | 'role' | 'allowed_connections'>>;

export function updateMemberOperation(deps: Deps): OperationHandler<typeof updateMember> {
  return async ({ principal, params: { id }, body, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<MemberState>(scope, async (read) => {
      const [operator, member] = await Promise.all([readOperator(read.get, operator_id), readMember(read.get, operator_id, id)]);
      if (!member) return { deny: noMember(id) };
      const changes = changesOf(member, body);
      const { role, allowed_connections: allowed } = changes;
      if (!mayHandle(principal, member.role)) return { deny: notYours() };
      if (role !== undefined && (isSelf(principal, id) || !mayHandle(principal, role))) return { deny: notYours() };
      const refusal = allowed === undefined ? null : await connectionsRefusal(read, principal, allowed);
      if (refusal) return { deny: refusal };
      const loosens: string[] = [];
      if (role !== undefined && roleRaised(member.role, role)) loosens.push('role');
      if (allowed !== undefined) {
        const providerOf = await providersOf(read, operator_id, allowed, member.allowed_connections);
        if (widensConnections(member.allowed_connections, allowed, providerOf)) loosens.push('allowed_connections');
      }
      const ungoverned = governanceDenial(principal, loosens, operator);
      if (ungoverned) return { deny: ungoverned };
      if (role !== undefined && isLastOwner(operator.team, id)) return { deny: lastOwner() };
      if (Object.keys(changes).length === 0) return { write: [], value: member };
      const after = { ...member, ...changes };
      return {
        write: [
          ...(role === undefined ? [] : [{ on: OPERATOR, operator_id, id: operator_id, facts: [teamFact(after)] }]),
          { on: MEMBER, operator_id, id, facts: [draft(memberUpdated, { member_id: id, changes })] },
          narrowedMember(operator_id, id, 'member changed'),
        ],
        value: after,
      };
    });
    const seen = decided.ok ? await lastSeen(deps, id) : null;
    return answerOf(updateMember, decided, (member) => memberObject(member, seen));
  };
}

/** Only what differs. Null opens all connections, and means nothing for the rest. */
function changesOf(member: MemberState, patch: BodyOf<typeof updateMember>): Changes {
  const { name, role, allowed_connections } = patch;
  const allowed = allowed_connections && [...new Set(allowed_connections)];
  return {
    ...(name != null && name !== member.name && { name }),
    ...(role != null && role !== member.role && { role }),
    ...(allowed !== undefined &&
      JSON.stringify(allowed) !== JSON.stringify(member.allowed_connections) && { allowed_connections: allowed }),
  };
}

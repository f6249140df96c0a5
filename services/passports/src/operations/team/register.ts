/** The team. */
import * as team from '@sallyport/contracts/operations/team.ts';
import type { Handlers } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { acceptInvitationOperation } from './accept-invitation.ts';
import { inviteMemberOperation } from './invite-member.ts';
import { listMembersOperation } from './list-members.ts';
import { removeMemberOperation } from './remove-member.ts';
import { rotateMemberKeyOperation } from './rotate-member-key.ts';
import { updateMemberOperation } from './update-member.ts';

export function teamOperations(deps: Deps, made: Handlers): Handlers {
  return made
    .on(team.inviteMember, inviteMemberOperation(deps))
    .on(team.acceptInvitation, acceptInvitationOperation(deps))
    .on(team.listMembers, listMembersOperation(deps))
    .on(team.updateMember, updateMemberOperation(deps))
    .on(team.rotateMemberKey, rotateMemberKeyOperation(deps))
    .on(team.removeMember, removeMemberOperation(deps));
}

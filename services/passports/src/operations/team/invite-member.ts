/**
 * `POST /v1/team/members` (api.md §17). An address that was invited and has not accepted is invited again: same member, new link, the old one is void. Where a
 * mail server is set the link goes to the invited one alone; a crash or a refusing server loses the mail, and whoever invited invites again.
 */
import { randomBytes } from 'node:crypto';
import { errorFields } from '@sallyport/bus/log.ts';
import { type Denial, denial, invalid } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { memberInvited } from '@sallyport/contracts/facts/people.ts';
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import type { Member } from '@sallyport/contracts/objects/operator.ts';
import { inviteMember } from '@sallyport/contracts/operations/team.ts';
import type { Principal, Role } from '@sallyport/contracts/principal.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../../deps.ts';
import { MEMBER, memberObject, type MemberState } from '../../domain/member.ts';
import { OPERATOR } from '../../domain/operator.ts';
import { mayHandle, type Team } from '../../domain/team.ts';
import { inviteHash, makeInvite } from '../../invitation.ts';
import { readOperator } from '../../reading.ts';
import type { Mailer } from '../../sign-in/mail.ts';
import { readOperatorName } from '../../sign-in/members.ts';
import { connectionsRefusal, memberWithEmail, notYours, teamFact } from './team-rules.ts';

const INVITE_LIFE_MS = 7 * 86_400_000;
/** Invited and active together: the whole team stands on the operator. */
const MAX_TEAM = 1_000;

type Invited = Member & { invite_url: string };

export function inviteMemberOperation(deps: Deps): OperationHandler<typeof inviteMember> {
  return async ({ principal, body: { email, name, ...body }, scope }) => {
    const { operator_id } = principal;
    const role = body.role ?? 'standard';
    // Whoever is limited lets nobody further than itself, said or not.
    const wanted = body.allowed_connections ?? principal.allowed_connections;
    const allowed_connections = wanted && [...new Set(wanted)];
    const decided = await deps.ledger.decide<Invited>(scope, async (read) => {
      const operator = await readOperator(read.get, operator_id);
      const before = await memberWithEmail(read, operator_id, operator.team, email);
      const refusal =
        roleRefusal(principal, role, before) ??
        (await connectionsRefusal(read, principal, allowed_connections)) ??
        governanceDenial(principal, ['member'], operator) ??
        placeRefusal(operator.team, before);
      if (refusal) return { deny: refusal };
      const id = before?.id ?? newId('member', read.now);
      const { state } = await read.get(MEMBER, operator_id, id);
      const token = makeInvite(randomBytes(32));
      const expires_at_ms = read.now + INVITE_LIFE_MS;
      const invite_hmac = deps.keys.hmac(inviteHash(token));
      const invited = { member_id: id, name, email, role, allowed_connections, invite_hmac, expires_at_ms };
      const created_at_ms = state.exists ? state.created_at_ms : read.now;
      const member: MemberState = { ...state, id, operator_id, email, name, role, status: 'invited', allowed_connections, created_at_ms };
      return {
        write: [
          { on: OPERATOR, operator_id, id: operator_id, facts: [teamFact(member)] },
          { on: MEMBER, operator_id, id, facts: [draft(memberInvited, invited)] },
        ],
        value: { ...memberObject(member, null), invite_url: `${deps.public_url}/invite/${id}?token=${token}` },
      };
    });
    const { mail } = deps.signIn;
    if (!mail) return answerOf(inviteMember, decided, (value) => value);
    // A repeat with its key is no second mail.
    if (decided.ok && !decided.replayed) {
      void sendInvitation(deps, mail, decided.value).catch((error: unknown) =>
        deps.log.warn(errorFields(error), 'an invitation was not sent'),
      );
    }
    return answerOf(inviteMember, decided, ({ invite_url: _mailed, ...member }) => member);
  };
}

async function sendInvitation(deps: Deps, mail: Mailer, { email, operator_id, invite_url }: Invited): Promise<void> {
  const operatorName = await readOperatorName(deps, operator_id);
  await mail.send({
    to: email,
    subject: 'Your invitation',
    text: [
      `You are invited to ${operatorName}:`,
      '',
      invite_url,
      '',
      'The link works once, within seven days. If you know nothing of this, do nothing.',
      '',
    ].join('\n'),
  });
}

function roleRefusal(principal: Principal, role: Role, before: MemberState | null): Denial | null {
  return mayHandle(principal, role) && (!before || mayHandle(principal, before.role)) ? null : notYours();
}

function placeRefusal(team: Team, before: MemberState | null): Denial | null {
  if (before?.status === 'active') return alreadyActive();
  return !before && Object.keys(team).length >= MAX_TEAM ? invalid([{ path: '', rule: 'too_many_members' }]) : null;
}

export function alreadyActive(): Denial {
  return denial('CONFLICT', 'This member is active.', { reason: 'already_active' });
}

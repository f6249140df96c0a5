/**
 * `POST /v1/auth/magic-link` (api.md §3.6): the same answer for every address, given before anything is looked up, so that neither text nor time tells
 * whether somebody is a member. A crash loses the mail; the person asks again.
 */
import { errorFields } from '@sallyport/bus/log.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import type { Actor } from '@sallyport/contracts/fact.ts';
import type { magicLink } from '@sallyport/contracts/operations/sign-in.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { makeLoginLink } from '../../sign-in/login-links.ts';
import type { Mailer } from '../../sign-in/mail.ts';
import { activeMembersByEmail, readOperatorName } from '../../sign-in/members.ts';

type ScopeFor = (operatorId: string, actor: Actor) => Scope;

export function magicLinkOperation(deps: Deps): OperationHandler<typeof magicLink> {
  return async ({ operation, body, scopeFor }) => {
    const { mail } = deps.signIn;
    if (mail)
      void sendLinks(deps, mail, body.email, scopeFor).catch((error: unknown) =>
        deps.log.warn(errorFields(error), 'a login link was not sent'),
      );
    return success(operation, { sent: true });
  };
}

/** One mail for each operator in which the address is a member. */
async function sendLinks(deps: Deps, mail: Mailer, email: string, scopeFor: ScopeFor): Promise<void> {
  if (!deps.signIn.pace.mayMail(email.toLowerCase(), deps.clock.now())) return;
  for (const { operator_id, member_id } of await activeMembersByEmail(deps, email)) {
    const scope = scopeFor(operator_id, { type: 'member', id: member_id });
    const { url } = await makeLoginLink(deps, scope, operator_id, member_id);
    const name = await readOperatorName(deps, operator_id);
    await mail.send({
      to: email,
      subject: 'Your sign-in link',
      text: [
        `Sign in to ${name}:`,
        '',
        url,
        '',
        'The link works once, within 15 minutes. If you did not ask for it, do nothing: it signs in only whoever opens it.',
        '',
      ].join('\n'),
    });
  }
}

/** `members.login_link` (api.md §3.6): the administrator on the host signs a member in where no mail is sent. */
import { refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import type { loginLink } from '@sallyport/contracts/operations/sign-in.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { makeLoginLink } from '../../sign-in/login-links.ts';
import { activeMembersByEmail, readOperatorName } from '../../sign-in/members.ts';

export function loginLinkOperation(deps: Deps): OperationHandler<typeof loginLink> {
  return async ({ operation, body, scopeFor }) => {
    const members = await activeMembersByEmail(deps, body.email);
    if (members.length === 0) return refuse(denial('NOT_FOUND', 'Nobody with this address is an active member.'));
    const links = await Promise.all(
      members.map(async ({ operator_id, member_id }) => {
        const scope = scopeFor(operator_id, { type: 'system', id: 'host' });
        const { url: login_url, expires_at_ms } = await makeLoginLink(deps, scope, operator_id, member_id);
        return {
          operator_id,
          operator_name: await readOperatorName(deps, operator_id),
          member_id,
          login_url,
          expires_at: iso(expires_at_ms),
        };
      }),
    );
    return success(operation, { links });
  };
}

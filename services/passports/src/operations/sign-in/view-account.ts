/** `account.view`: the person behind a session, for the page that says who is signed in. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { viewAccount } from '@sallyport/contracts/operations/account.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import { unauthorized } from '@sallyport/service-kit/authenticate.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { readActiveMember, readOperatorName } from '../../sign-in/members.ts';
import { sessionOnly } from '../../sign-in/session-only.ts';

export function viewAccountOperation(deps: Deps): OperationHandler<typeof viewAccount> {
  return async ({ operation, principal }) => {
    const refused = sessionOnly(principal);
    if (refused) return refuse(refused);
    const member = await readActiveMember(deps.ledger.load, principal.operator_id, principal.id);
    if (!member) return refuse(unauthorized('session_ended').denial);
    const { name, email, role } = member;
    return success(operation, { name, email, role, operator_name: await readOperatorName(deps, principal.operator_id) });
  };
}

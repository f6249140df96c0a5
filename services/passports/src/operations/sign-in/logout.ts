/** `POST /v1/auth/logout` (api.md §3.6): the session that calls ends, everywhere and at once. */
import { refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { authLogout } from '@sallyport/contracts/facts/sign-in.ts';
import type { logout } from '@sallyport/contracts/operations/sign-in.ts';
import { target } from '@sallyport/contracts/target.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { unauthorized } from '@sallyport/service-kit/authenticate.ts';
import type { Deps } from '../../deps.ts';
import { SIGN_IN } from '../../domain/sign-in.ts';
import { personTokenOf } from '../../sign-in/session-only.ts';
import { fence } from '../../writes.ts';

export function logoutOperation(deps: Deps): OperationHandler<typeof logout> {
  return async ({ operation, call, principal, scope }) => {
    const token = await personTokenOf(deps, call);
    if (token?.kind !== 'session') return refuse(unauthorized('wrong_credential_kind').denial);
    const { operator_id: operatorId, id: memberId } = principal;
    const decided = await deps.ledger.decide(scope, async (read) => {
      const { state } = await read.get(SIGN_IN, operatorId, token.session_id);
      const ended = { ended: true };
      if (state.ended) return { write: [], value: ended };
      const facts = [draft(authLogout, { session_id: token.session_id, member_id: memberId })];
      return {
        write: [
          { on: SIGN_IN, operator_id: operatorId, id: token.session_id, facts },
          fence(operatorId, 'member', memberId, 'narrowed', [target('member', memberId)], 'logged out'),
        ],
        value: ended,
      };
    });
    return answerOf(operation, decided, (value) => value);
  };
}

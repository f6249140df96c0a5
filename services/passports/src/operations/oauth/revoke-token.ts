/** `POST /oauth/revoke` (api.md §3.6, RFC 7009): ends all tokens of the family that this one is of. A token that does not exist is answered like one that does. */
import { isId } from '@sallyport/contracts/ids.ts';
import type { revokeToken } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf, success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { OAUTH_GRANT } from '../../domain/oauth-grant.ts';
import { REFRESH_TOKEN } from '../../domain/refresh-token.ts';
import { revokeGrant } from '../../sign-in/issue-tokens.ts';
import { isSame, readOpaque } from '../../sign-in/opaque.ts';
import { readPersonToken } from '../../sign-in/resolve-token.ts';

interface Family {
  operator_id: string;
  grant_id: string;
}

export function revokeTokenOperation(deps: Deps): OperationHandler<typeof revokeToken> {
  return async ({ operation, body, scopeFor }) => {
    const family = await familyOf(deps, body.token);
    if (!family) return success(operation, {});
    const { operator_id, grant_id } = family;
    const { state: known } = await deps.ledger.load(OAUTH_GRANT, operator_id, grant_id);
    if (!known.exists) return success(operation, {});
    const decided = await deps.ledger.decide(scopeFor(operator_id, { type: 'member', id: known.member_id }), async (read) => {
      const { state: grant } = await read.get(OAUTH_GRANT, operator_id, grant_id);
      return { write: grant.revoked ? [] : revokeGrant(operator_id, grant, 'revoked'), value: {} };
    });
    return answerOf(operation, decided, (value) => value);
  };
}

/** A spent refresh token ends its family too: whoever gives one back wants it to end. */
async function familyOf(deps: Deps, token: string): Promise<Family | null> {
  const refresh = readOpaque('rt', token);
  if (refresh) {
    const { state } = await deps.ledger.load(REFRESH_TOKEN, refresh.operator_id, refresh.id);
    return isSame(refresh, state.sha256) ? { operator_id: refresh.operator_id, grant_id: state.grant_id } : null;
  }
  const verdict = await readPersonToken(deps, token);
  if (!verdict.ok || verdict.token.kind !== 'access' || !isId('operator', verdict.token.operator_id)) return null;
  return { operator_id: verdict.token.operator_id, grant_id: verdict.token.grant_id };
}

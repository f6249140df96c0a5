/** `POST /oauth/register` (api.md §3.6, RFC 7591): anybody may register a public client; what it may do, each person says on the consent page. */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { oauthClientRegistered } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { registerClient } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../../deps.ts';
import { OAUTH_CLIENT } from '../../domain/oauth-client.ts';
import { isRegistrable } from '../../domain/redirect-uri.ts';

const GRANT_TYPES = ['authorization_code', 'refresh_token'] as const;

export function registerClientOperation(deps: Deps): OperationHandler<typeof registerClient> {
  return async ({ body, scopeFor }) => {
    const { client_name, redirect_uris } = body;
    // Marks that turn or hide text would make the consent page say something else.
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(client_name) || client_name.trim() === '')
      return refuse(oauthDenial('invalid_client_metadata', 'client_name has characters that cannot be shown.'));
    if (!redirect_uris.every(isRegistrable))
      return refuse(
        oauthDenial('invalid_redirect_uri', 'Redirect addresses are https, or http on a loopback address, without user and fragment.'),
      );
    const decided = await deps.ledger.decide(scopeFor(PLATFORM, { type: 'system', id: 'oauth' }), async (read) => {
      const client_id = newId('oauth_client', read.now);
      const facts = [draft(oauthClientRegistered, { client_id, client_name, redirect_uris })];
      return { write: [{ on: OAUTH_CLIENT, operator_id: PLATFORM, id: client_id, facts }], value: client_id };
    });
    return answerOf(registerClient, decided, (client_id) => ({
      client_id,
      client_name,
      redirect_uris,
      grant_types: [...GRANT_TYPES],
      token_endpoint_auth_method: 'none',
    }));
  };
}

/**
 * Token exchange (RFC 8693; api.md §3.6): an agent's passport for its successor, under the very rules of passport refresh. The agent shows who it is by its own
 * JWT, whose use the edge has put into the log.
 */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, statusOf } from '@sallyport/contracts/errors.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { token } from '@sallyport/contracts/operations/oauth.ts';
import { parseTime } from '@sallyport/contracts/time.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { Authenticate } from '@sallyport/service-kit/authenticate.ts';
import type { Deps } from '../../deps.ts';
import { refreshPassport } from '../../refreshing.ts';
import { lacks, type TokenContext } from './token.ts';

const JWT = 'urn:ietf:params:oauth:token-type:jwt';

export function exchangePassport(deps: Deps, authenticate: Authenticate): (context: TokenContext) => Promise<BusAnswer> {
  return async ({ call, body, scopeFor }) => {
    const { subject_token, subject_token_type } = body;
    if (subject_token === undefined) return lacks('subject_token');
    if (subject_token_type !== JWT) return refuse(oauthDenial('invalid_request', `subject_token_type is ${JWT}.`));
    const who = await authenticate(call, { single_use: true });
    if ('denial' in who) return refuse(inOAuth(who.denial, 'invalid_request'));
    const { principal } = who;
    if (principal.type !== 'agent') return refuse(oauthDenial('invalid_request', 'This takes the JWT of the agent.'));
    const scope = scopeFor(principal.operator_id, { type: 'agent', id: principal.id });
    const decided = await refreshPassport(deps, { principal, scope, token: subject_token, ttl_seconds: null });
    if (!decided.ok) return refuse(inOAuth(decided.denial, 'invalid_grant'));
    return answerOf(token, decided, (issued) => ({
      access_token: issued.token,
      issued_token_type: JWT,
      token_type: 'N_A',
      expires_in: Math.max(0, Math.floor(((parseTime(issued.expires_at) ?? 0) - deps.clock.now()) / 1000)),
    }));
  };
}

/** Outages keep their own code. */
function inOAuth(refused: Denial, error: 'invalid_request' | 'invalid_grant'): Denial {
  return statusOf(refused) >= 500 ? refused : oauthDenial(error, refused.message);
}

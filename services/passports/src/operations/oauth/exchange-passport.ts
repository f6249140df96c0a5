/** Token exchange (RFC 8693; api.md §3.6): an agent's passport for its successor, under the rules of passport refresh. */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import type { Authenticate } from '@sallyport/service-kit/authenticate.ts';
import type { Deps } from '../../deps.ts';
import type { TokenContext } from './token.ts';

export function exchangePassport(_deps: Deps, _authenticate: Authenticate): (context: TokenContext) => Promise<BusAnswer> {
  return async () => refuse(oauthDenial('unsupported_grant_type', 'This grant type is not offered.'));
}

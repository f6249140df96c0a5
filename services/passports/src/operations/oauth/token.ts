/** `POST /oauth/token` (api.md §3.6): which of the four grants is asked for. Clients are public: what counts is what they show, never who they say they are. */
import { refuse } from '@sallyport/contracts/call.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { DEVICE_CODE, type token, TOKEN_EXCHANGE } from '@sallyport/contracts/operations/oauth.ts';
import type { Context, OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { Deps } from '../../deps.ts';
import { redeemCode } from './redeem-code.ts';
import { redeemDevice } from './redeem-device.ts';
import { rotateRefresh } from './rotate-refresh.ts';

export type TokenContext = Context<typeof token>;

export function tokenOperation(deps: Deps, exchange: (context: TokenContext) => Promise<BusAnswer>): OperationHandler<typeof token> {
  return async (context) => {
    switch (context.body.grant_type) {
      case 'authorization_code':
        return redeemCode(deps, context);
      case 'refresh_token':
        return rotateRefresh(deps, context);
      case DEVICE_CODE:
        return redeemDevice(deps, context);
      case TOKEN_EXCHANGE:
        return exchange(context);
      default:
        return refuse(oauthDenial('unsupported_grant_type', 'This grant type is not offered.'));
    }
  };
}

/** The named parameter is not there. */
export function lacks(name: string): BusAnswer {
  return refuse(oauthDenial('invalid_request', `${name} is missing.`));
}

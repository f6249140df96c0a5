/** Sign-in of people and their tools (api.md §3.6). */
import { viewAccount } from '@sallyport/contracts/operations/account.ts';
import * as oauth from '@sallyport/contracts/operations/oauth.ts';
import * as signIn from '@sallyport/contracts/operations/sign-in.ts';
import type { Handlers } from '@sallyport/service-kit/handler.ts';
import type { Authenticate } from '@sallyport/service-kit/authenticate.ts';
import type { Deps } from '../../deps.ts';
import { authorizeOperation } from '../oauth/authorize.ts';
import { decideRequestOperation, viewRequestOperation } from '../oauth/consent.ts';
import { authorizeDeviceOperation, decideDeviceOperation, viewDeviceOperation } from '../oauth/devices.ts';
import { exchangePassport } from '../oauth/exchange-passport.ts';
import { authorizationServerOperation, protectedResourceOperation } from '../oauth/metadata.ts';
import { registerClientOperation } from '../oauth/register-client.ts';
import { revokeTokenOperation } from '../oauth/revoke-token.ts';
import { tokenOperation } from '../oauth/token.ts';
import { loginLinkOperation } from './login-link.ts';
import { logoutOperation } from './logout.ts';
import { magicLinkOperation } from './magic-link.ts';
import { meOperation } from './me.ts';
import { verifyMagicLinkOperation } from './verify-magic-link.ts';
import { viewAccountOperation } from './view-account.ts';

export function onSignIn(made: Handlers, deps: Deps, authenticate: Authenticate): Handlers {
  return made
    .on(signIn.magicLink, magicLinkOperation(deps))
    .on(signIn.verifyMagicLink, verifyMagicLinkOperation(deps))
    .on(signIn.logout, logoutOperation(deps))
    .on(signIn.loginLink, loginLinkOperation(deps))
    .on(signIn.me, meOperation(deps))
    .on(viewAccount, viewAccountOperation(deps))
    .on(oauth.authorizationServer, authorizationServerOperation(deps))
    .on(oauth.protectedResource, protectedResourceOperation(deps))
    .on(oauth.registerClient, registerClientOperation(deps))
    .on(oauth.authorizeDevice, authorizeDeviceOperation(deps))
    .on(oauth.authorize, authorizeOperation(deps))
    .on(oauth.viewRequest, viewRequestOperation(deps))
    .on(oauth.decideRequest, decideRequestOperation(deps))
    .on(oauth.viewDevice, viewDeviceOperation(deps))
    .on(oauth.decideDevice, decideDeviceOperation(deps))
    .on(oauth.token, tokenOperation(deps, exchangePassport(deps, authenticate)))
    .on(oauth.revokeToken, revokeTokenOperation(deps));
}

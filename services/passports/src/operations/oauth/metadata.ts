/** What clients learn by themselves: the authorization server (RFC 8414) and the resource that it protects (RFC 9728), api.md §3.6. */
import type { authorizationServer, protectedResource } from '@sallyport/contracts/operations/oauth.ts';
import { DEVICE_CODE, TOKEN_EXCHANGE } from '@sallyport/contracts/operations/oauth.ts';
import { SCOPES } from '@sallyport/contracts/scopes.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';

export function authorizationServerOperation({ public_url }: Deps): OperationHandler<typeof authorizationServer> {
  const grants = ['authorization_code', 'refresh_token', DEVICE_CODE, TOKEN_EXCHANGE];
  return async ({ operation }) =>
    success(operation, {
      issuer: public_url,
      authorization_endpoint: `${public_url}/oauth/authorize`,
      token_endpoint: `${public_url}/oauth/token`,
      registration_endpoint: `${public_url}/oauth/register`,
      device_authorization_endpoint: `${public_url}/oauth/device_authorization`,
      revocation_endpoint: `${public_url}/oauth/revoke`,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: grants,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      revocation_endpoint_auth_methods_supported: ['none'],
      scopes_supported: SCOPES,
    });
}

export function protectedResourceOperation({ public_url }: Deps): OperationHandler<typeof protectedResource> {
  return async ({ operation }) =>
    success(operation, {
      resource: `${public_url}/mcp`,
      authorization_servers: [public_url],
      scopes_supported: SCOPES,
      bearer_methods_supported: ['header'],
    });
}

/**
 * Facts of sign-in and OAuth (api.md §3.6); written by `passports`. Links, codes and tokens are in no fact: only the SHA-256 of what has 256 random bits.
 */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { nullable, oneOf } from '../schema.ts';

export const loginLinkMade = factType(
  'login_link.made',
  1,
  Type.Object({ member_id: Type.String(), sha256: Type.String(), expires_at_ms: Type.Integer() }),
);
export const loginLinkUsed = factType('login_link.used', 1, Type.Object({ session_id: Type.String() }));

export const authLogin = factType(
  'auth.login',
  1,
  Type.Object({ session_id: Type.String(), member_id: Type.String(), method: oneOf(['magic_link']), expires_at_ms: Type.Integer() }),
);
export const authLogout = factType('auth.logout', 1, Type.Object({ session_id: Type.String(), member_id: Type.String() }));

export const oauthClientRegistered = factType(
  'oauth.client_registered',
  1,
  Type.Object({ client_id: Type.String(), client_name: Type.String(), redirect_uris: Type.Array(Type.String()) }),
);

/** A member lets a client act: the family of all codes and tokens that come of it. `code`: null when it came by the device flow. */
export const oauthGranted = factType(
  'oauth.granted',
  1,
  Type.Object({
    grant_id: Type.String(),
    client_id: Type.String(),
    client_name: Type.String(),
    member_id: Type.String(),
    scopes: Type.Array(Type.String()),
    resource: nullable(Type.String()),
    via: oneOf(['code', 'device']),
    code: nullable(
      Type.Object({
        sha256: Type.String(),
        challenge: Type.String(),
        redirect_uri: Type.String(),
        expires_at_ms: Type.Integer(),
      }),
    ),
  }),
);
export const oauthCodeUsed = factType('oauth.code_used', 1, Type.Object({ grant_id: Type.String() }));
export const oauthGrantRevoked = factType(
  'oauth.grant_revoked',
  1,
  Type.Object({
    grant_id: Type.String(),
    client_id: Type.String(),
    member_id: Type.String(),
    reason: oneOf(['revoked', 'code_reused', 'code_misused', 'token_reused']),
  }),
);
export const authTokenReused = factType(
  'auth.token_reused',
  1,
  Type.Object({ grant_id: Type.String(), client_id: Type.String(), member_id: Type.String(), token_id: Type.String() }),
);

export const refreshTokenIssued = factType(
  'refresh_token.issued',
  1,
  Type.Object({ grant_id: Type.String(), sha256: Type.String(), expires_at_ms: Type.Integer() }),
);
/** A second one is the tolerated repeat: another successor takes the place of the first. */
export const refreshTokenSpent = factType('refresh_token.spent', 1, Type.Object({ successor: Type.String() }));
/** Never used, and another stands in its place. */
export const refreshTokenReplaced = factType('refresh_token.replaced', 1, Type.Object({ by: Type.String() }));

/** `address`: where it was asked for, sealed under this service's key. */
export const deviceAsked = factType(
  'device.asked',
  1,
  Type.Object({
    sha256: Type.String(),
    client_id: Type.String(),
    client_name: Type.String(),
    scopes: Type.Array(Type.String()),
    address: Type.String(),
    expires_at_ms: Type.Integer(),
  }),
);
export const deviceApproved = factType('device.approved', 1, Type.Object({ operator_id: Type.String(), member_id: Type.String() }));
export const deviceDenied = factType('device.denied', 1, Type.Object({ operator_id: Type.String(), member_id: Type.String() }));
export const deviceRedeemed = factType('device.redeemed', 1, Type.Object({ grant_id: Type.String() }));

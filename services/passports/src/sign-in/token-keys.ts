/**
 * The second key set: it signs session and access tokens and nothing else (api.md §6.2). Only this service verifies them, so it is published nowhere.
 */
import type { Ed25519Jwk } from '@sallyport/passport-verify/keys.ts';
import { ACCESS, SESSION } from '@sallyport/passport-verify/person-token.ts';
import { createSigner, type SignerDeps } from '../signing.ts';

export interface SessionClaims {
  sub: string;
  operator_id: string;
  sid: string;
  /** Unix seconds. */
  iat: number;
  exp: number;
}

export interface AccessClaims {
  sub: string;
  operator_id: string;
  gid: string;
  client_id: string;
  scope: string;
  jti: string;
  iat: number;
  exp: number;
}

export interface TokenKeys {
  /** Accepted, by `kid`. */
  keys(): Promise<ReadonlyMap<string, Ed25519Jwk>>;
  signSession(claims: SessionClaims): Promise<string>;
  signAccess(claims: AccessClaims): Promise<string>;
}

export function tokenKeys(deps: SignerDeps, issuer: string): TokenKeys {
  const session = createSigner(deps, 'session', SESSION.typ);
  const access = createSigner(deps, 'session', ACCESS.typ);
  return {
    keys: () => session.keys(),
    signSession: async (claims) => (await session.active()).sign({ iss: issuer, aud: SESSION.aud, ...claims }),
    signAccess: async (claims) => (await access.active()).sign({ iss: issuer, aud: ACCESS.aud, ...claims }),
  };
}

/**
 * What a member lets a client do: the family of one code, its access tokens and all refresh tokens that come of it. When it is revoked, all of them
 * end. Pure.
 */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { oauthCodeUsed, oauthGranted, oauthGrantRevoked } from '@sallyport/contracts/facts/sign-in.ts';

export const CODE_MS = 60_000;
export const ACCESS_SECONDS = 300;
const DAY_MS = 24 * 3_600_000;
export const REFRESH_IDLE_MS = 30 * DAY_MS;
export const REFRESH_MAX_MS = 90 * DAY_MS;

export interface GrantedCode {
  sha256: string;
  challenge: string;
  redirect_uri: string;
  expires_at_ms: number;
}

export interface OAuthGrantState {
  exists: boolean;
  grant_id: string;
  client_id: string;
  client_name: string;
  member_id: string;
  scopes: string[];
  code: GrantedCode | null;
  code_used: boolean;
  made_at_ms: number;
  revoked: boolean;
}

export const OAUTH_GRANT = {
  kind: 'oauth_grant',
  initial: (): OAuthGrantState => ({
    exists: false,
    grant_id: '',
    client_id: '',
    client_name: '',
    member_id: '',
    scopes: [],
    code: null,
    code_used: false,
    made_at_ms: 0,
    revoked: false,
  }),
  evolve: evolveOAuthGrant,
};

export function evolveOAuthGrant(state: OAuthGrantState, fact: Fact, at: Position): OAuthGrantState {
  const made = dataOf(oauthGranted, fact);
  if (made) {
    const { grant_id, client_id, client_name, member_id, scopes, code } = made;
    return { ...state, exists: true, grant_id, client_id, client_name, member_id, scopes, code, made_at_ms: at.ts_ms };
  }
  if (dataOf(oauthCodeUsed, fact)) return { ...state, code_used: true };
  return dataOf(oauthGrantRevoked, fact) ? { ...state, revoked: true } : state;
}

/** When a refresh token made now ends: 30 days unless it is used, and 90 days after the family began in any case. */
export function refreshExpiry(grantMadeAtMs: number, nowMs: number): number {
  return Math.min(nowMs + REFRESH_IDLE_MS, grantMadeAtMs + REFRESH_MAX_MS);
}

/** Access and refresh tokens of a grant (api.md §3.6): the facts that make them, and their texts. */
import { randomBytes } from 'node:crypto';
import type { Write } from '@sallyport/bus/compose.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { oauthGrantRevoked, refreshTokenIssued } from '@sallyport/contracts/facts/sign-in.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { Deps } from '../deps.ts';
import { ACCESS_SECONDS, OAUTH_GRANT, type OAuthGrantState, refreshExpiry } from '../domain/oauth-grant.ts';
import { REFRESH_TOKEN } from '../domain/refresh-token.ts';
import { fence } from '../writes.ts';
import { makeOpaque, opaqueId } from './opaque.ts';

export type Grant = Pick<OAuthGrantState, 'grant_id' | 'client_id' | 'client_name' | 'member_id' | 'scopes' | 'made_at_ms'>;

export interface NewRefreshToken {
  id: string;
  /** The secret itself. */
  text: string;
  write: Write;
}

export function newRefreshToken(operatorId: string, grant: Grant, nowMs: number): NewRefreshToken {
  const token = makeOpaque('rt', operatorId, opaqueId());
  const facts = [
    draft(refreshTokenIssued, {
      grant_id: grant.grant_id,
      sha256: token.sha256,
      expires_at_ms: refreshExpiry(grant.made_at_ms, nowMs),
    }),
  ];
  return { id: token.id, text: token.text, write: { on: REFRESH_TOKEN, operator_id: operatorId, id: token.id, facts } };
}

export interface Tokens {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  refresh_token: string;
  scope: string;
  operator_id: string;
}

export async function tokensOf(deps: Pick<Deps, 'signIn' | 'clock'>, operatorId: string, grant: Grant, refresh: string): Promise<Tokens> {
  const iat = Math.floor(deps.clock.now() / 1000);
  const scope = grant.scopes.join(' ');
  const access_token = await deps.signIn.tokens.signAccess({
    sub: grant.member_id,
    operator_id: operatorId,
    gid: grant.grant_id,
    client_id: grant.client_id,
    scope,
    jti: randomBytes(16).toString('hex'),
    iat,
    exp: iat + ACCESS_SECONDS,
  });
  return { access_token, token_type: 'Bearer', expires_in: ACCESS_SECONDS, refresh_token: refresh, scope, operator_id: operatorId };
}

type Why = 'revoked' | 'code_reused' | 'code_misused' | 'token_reused';

/** The grant ends, and with it every token of it; `before`: facts that say more. */
export function revokeGrant(operatorId: string, grant: Grant, reason: Why, before: DraftFact[] = []): Write[] {
  const { grant_id, client_id, member_id } = grant;
  const revoked = draft(oauthGrantRevoked, { grant_id, client_id, member_id, reason });
  return [
    { on: OAUTH_GRANT, operator_id: operatorId, id: grant_id, facts: [...before, revoked] },
    fence(operatorId, 'member', member_id, 'narrowed', [target('member', member_id)], `tokens of ${client_id}: ${reason}`),
  ];
}

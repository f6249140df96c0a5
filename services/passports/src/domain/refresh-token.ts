/**
 * One refresh token of a family (api.md §3.6): issued, spent once, its successor known. A token that comes a second time was copied, or its answer was
 * lost: one repeat within 30 s while the successor is unused passes, everything else ends the family. Pure.
 */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { refreshTokenIssued, refreshTokenReplaced, refreshTokenSpent } from '@sallyport/contracts/facts/sign-in.ts';

export const TOLERANCE_MS = 30_000;

export interface RefreshTokenState {
  grant_id: string;
  sha256: string;
  expires_at_ms: number;
  spent_at_ms: number | null;
  successor: string | null;
  repeats: number;
  replaced: boolean;
}

export const REFRESH_TOKEN = {
  kind: 'oauth_token',
  initial: (): RefreshTokenState => ({
    grant_id: '',
    sha256: '',
    expires_at_ms: 0,
    spent_at_ms: null,
    successor: null,
    repeats: 0,
    replaced: false,
  }),
  evolve: evolveRefreshToken,
};

export function evolveRefreshToken(state: RefreshTokenState, fact: Fact, at: Position): RefreshTokenState {
  const issued = dataOf(refreshTokenIssued, fact);
  if (issued) return { ...state, grant_id: issued.grant_id, sha256: issued.sha256, expires_at_ms: issued.expires_at_ms };
  const spent = dataOf(refreshTokenSpent, fact);
  if (spent) {
    const first = state.spent_at_ms === null;
    return { ...state, spent_at_ms: state.spent_at_ms ?? at.ts_ms, successor: spent.successor, repeats: first ? 0 : state.repeats + 1 };
  }
  return dataOf(refreshTokenReplaced, fact) ? { ...state, replaced: true } : state;
}

/** `rotate`: a successor is due. `repeat`: another one, in place of the first. `reused`: the family ends. */
export type Use = 'rotate' | 'repeat' | 'reused' | 'expired';

/** `successor`: of a token that was spent. */
export function useOf(token: RefreshTokenState, successor: RefreshTokenState | null, nowMs: number): Use {
  if (token.replaced) return 'reused';
  if (token.spent_at_ms === null) return nowMs < token.expires_at_ms ? 'rotate' : 'expired';
  const unused = successor !== null && successor.spent_at_ms === null && !successor.replaced;
  return token.repeats === 0 && unused && nowMs < token.spent_at_ms + TOLERANCE_MS ? 'repeat' : 'reused';
}

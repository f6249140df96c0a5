/** The one-time link that signs a member in (api.md §3.6): made, used once, or past its time. Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { loginLinkMade, loginLinkUsed } from '@sallyport/contracts/facts/sign-in.ts';

export const LINK_MS = 15 * 60_000;

export interface LoginLinkState {
  member_id: string;
  sha256: string;
  expires_at_ms: number;
  used: boolean;
}

export const LOGIN_LINK = {
  kind: 'login',
  initial: (): LoginLinkState => ({ member_id: '', sha256: '', expires_at_ms: 0, used: false }),
  evolve: evolveLoginLink,
};

export function evolveLoginLink(state: LoginLinkState, fact: Fact): LoginLinkState {
  const made = dataOf(loginLinkMade, fact);
  if (made) return { member_id: made.member_id, sha256: made.sha256, expires_at_ms: made.expires_at_ms, used: false };
  return dataOf(loginLinkUsed, fact) ? { ...state, used: true } : state;
}

export function linkIsGood(state: LoginLinkState, nowMs: number): boolean {
  return state.sha256 !== '' && !state.used && nowMs < state.expires_at_ms;
}

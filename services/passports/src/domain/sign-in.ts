/** A person's session: from a sign-in until its logout or its end. Not the session of passports, which is a delegation family. Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { authLogin, authLogout } from '@sallyport/contracts/facts/sign-in.ts';

export const SESSION_MS = 24 * 3_600_000;

export interface SignInState {
  member_id: string;
  expires_at_ms: number;
  ended: boolean;
}

export const SIGN_IN = {
  kind: 'signin',
  initial: (): SignInState => ({ member_id: '', expires_at_ms: 0, ended: false }),
  evolve: evolveSignIn,
};

export function evolveSignIn(state: SignInState, fact: Fact): SignInState {
  const begun = dataOf(authLogin, fact);
  if (begun) return { member_id: begun.member_id, expires_at_ms: begun.expires_at_ms, ended: false };
  return dataOf(authLogout, fact) ? { ...state, ended: true } : state;
}

/** `memberId`: whose the token says it is. */
export function sessionRuns(state: SignInState, memberId: string, nowMs: number): boolean {
  return state.member_id !== '' && state.member_id === memberId && !state.ended && nowMs < state.expires_at_ms;
}

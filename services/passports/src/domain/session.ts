/** A delegation family: only whether, and where in the log, it was revoked. Pure. */
import type { Fact, Position } from '@sallyport/contracts/fact.ts';
import { noRevocation, type Revocation, revocationOf } from './revocation.ts';

export interface SessionState {
  revocation: Revocation;
}

export const SESSION = {
  kind: 'session',
  initial: (): SessionState => ({ revocation: noRevocation }),
  evolve: (state: SessionState, fact: Fact, at: Position): SessionState => ({
    revocation: revocationOf(state.revocation, fact, at, 'bulk_session'),
  }),
};

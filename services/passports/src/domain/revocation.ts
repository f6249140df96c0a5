/**
 * The last revocation that names a target, kept with its log position: what stands before it is dead, what stands after it is not
 * (api.md §11). Positions are compared, never times. Pure.
 */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { passportRevoked } from '@sallyport/contracts/facts/passports.ts';

export interface Revocation {
  /** Sequence of the message; 0: never revoked. */
  seq: number;
  at_ms: number;
  reason: string;
}

export type RevocationKind = 'single' | 'bulk_agent' | 'bulk_session' | 'bulk_operator' | 'bulk_mission';

export const noRevocation: Revocation = { seq: 0, at_ms: 0, reason: '' };

export function revocationOf(last: Revocation, fact: Fact, at: Position, kind: RevocationKind): Revocation {
  const revoked = dataOf(passportRevoked, fact);
  return revoked?.kind === kind ? { seq: at.seq, at_ms: at.ts_ms, reason: revoked.reason } : last;
}

/** Does the revocation kill what was issued at `issuedSeq`? */
export function kills(revocation: Revocation, issuedSeq: number): boolean {
  return revocation.seq > issuedSeq;
}

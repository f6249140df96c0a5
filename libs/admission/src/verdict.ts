/** What the log says of an attempt or assertion, and where it stands in it. */
import type { Hash, Outcome } from './entry.ts';

export interface EntryPosition {
  seq: number;
  index: number;
  /** The stream's timestamp of the message, Unix ms. */
  ts_ms: number;
  boot: Hash;
  /** Of the subject: everything that decides about an entry stands in its partition. */
  partition: number;
}

export interface OperationState {
  digest: Hash;
  state: 'running' | Outcome;
}

/** As in a mission's `caps` (api.md §7.2). */
export type CapName = 'max_actions' | 'max_actions_per_service';

export interface UsedCap {
  cap: CapName;
  limit: number;
  /** Before this entry. */
  used: number;
}

export type Refused =
  /** `stale`: its gateway had not read the log for longer than verdicts look back. */
  | { admitted: false; reason: 'late' | 'boot_closed' | 'given_up' | 'stale' | 'jwt_replayed' | 'approval' }
  | { admitted: false; reason: 'revoked' | 'ended'; target: Hash; fence_seq: number }
  | { admitted: false; reason: 'operation'; operation: OperationState }
  | ({ admitted: false; reason: 'cap' } & UsedCap)
  /** This instance has not read enough to tell; another may. */
  | { admitted: false; reason: 'unknown' };

export interface Admitted {
  admitted: true;
  /** Caps that are used up but only flag. Absent: none. */
  over_caps?: CapName[];
}

export type Verdict = Admitted | Refused;

export const ADMITTED: Admitted = { admitted: true };
export const UNKNOWN: Refused = { admitted: false, reason: 'unknown' };

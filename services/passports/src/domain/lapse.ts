/** When a passport lapses, and why (detectors.md 5.3). Pure. */
import type { Issued, PassportState } from './passport.ts';

/** A checkpoint received in time has these to be stored. Settling, not grace: gateways refuse from the expiry on. */
export const SETTLE_MS = 250;

export type LapseReason = 'no_checkpoint' | 'ttl' | 'deadline';

export type Due = { at: 'never' } | { at: 'later'; due_ms: number } | { at: 'now'; reason: LapseReason; late_ms: number };

/**
 * One above it missed its checkpoint before this one's own time was over: then it is revoked with all that descends from that one (detectors.md 2.1), and does not
 * lapse, whichever of the two is handled first. `parents`: those that stand for their lines now.
 */
export function endsWithParent(
  passport: Pick<PassportState, 'expires_at_ms'>,
  parents: readonly (PassportState & { issued: Issued })[],
): boolean {
  return parents.some(
    ({ issued, expires_at_ms, checked_out }) =>
      issued.mode === 'enforced' && !checked_out && expires_at_ms < issued.deadline_ms && expires_at_ms < passport.expires_at_ms,
  );
}

export function lapseOf(passport: PassportState & { issued: Issued }, nowMs: number): Due {
  if (passport.revoked || passport.superseded_by !== null || passport.lapsed_at_ms !== null || passport.checked_out) return { at: 'never' };
  const { issued, expires_at_ms } = passport;
  const due_ms = expires_at_ms + SETTLE_MS;
  if (nowMs < due_ms) return { at: 'later', due_ms };
  const late_ms = nowMs - due_ms;
  if (expires_at_ms >= issued.deadline_ms) return { at: 'now', reason: 'deadline', late_ms };
  return { at: 'now', reason: issued.mode === 'enforced' ? 'no_checkpoint' : 'ttl', late_ms };
}

/**
 * The id of a signal, and of its security event: a function of what caused it, so that a signal which is computed again, by another
 * owner or in replay, is the same signal (detectors.md §1.9, vector B.4).
 */
import { createHash } from 'node:crypto';
import { makeId } from '@sallyport/contracts/ids.ts';

export type SignalCause = {
  readonly detector: string;
  readonly version: string;
  readonly operator_id: string;
  /** Mission id, session id or agent id: whatever the detector keeps its state by. */
  readonly key: string;
  readonly cause_event_id: string;
  /** The cause's own time, Unix milliseconds. */
  readonly cause_at_ms: number;
  /** Given when one step emits several signals. */
  readonly code?: string;
};

export function signalId(cause: SignalCause): `sev_${string}` {
  const parts = [cause.detector, cause.version, cause.operator_id, cause.key, cause.cause_event_id];
  if (cause.code !== undefined) parts.push(cause.code);
  const hash = createHash('sha256').update(parts.join('|')).digest();
  return makeId('security_event', cause.cause_at_ms, hash);
}

/**
 * Steps 13 and 14 of api.md §8.2: the record, its way through the log, and the first byte. Guarantees that nothing goes upstream before the own
 * record was read back and admitted, and that all conditions of a release hold in the turn in which it goes (architecture, "Release").
 */
import type { AttemptEntry, Hash } from '@sallyport/admission/entry.ts';
import { targetsOf } from '@sallyport/admission/recent.ts';
import type { Admitted, CapName, Refused } from '@sallyport/admission/verdict.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import type { Feed, OwnRecord } from '../log/feed.ts';
import { RECORD_MS, type Records } from '../log/records.ts';

export type Released<T> =
  | { kind: 'released'; value: T; over_caps: readonly CapName[] }
  /** The log says no. */
  | { kind: 'refused'; verdict: Refused }
  /** Given up: `late` without a verdict in time, `lease` or `stale` when this gateway may not send. Nothing went or will go. */
  | { kind: 'given_up'; why: 'late' | 'lease' | 'stale' }
  /** A revocation is under way that the log could not take yet. */
  | { kind: 'barred' }
  /** What was believed has changed, and the call would be refused now. */
  | { kind: 'changed' };

export interface ReleaseDeps {
  feed: Feed;
  records: Records;
  lease: { held(): boolean };
}

export interface Releasing<T> {
  fact: Fact;
  entry: AttemptEntry;
  /**
   * Asks again about what was narrowed and judges the call anew; the log position up to which it now holds, or null when it does not. Called
   * at most three times.
   */
  recheck: () => Promise<number | null>;
  /** Nothing of this caller's may go, whatever the log says. */
  barred: () => boolean;
  /** Sends. Called at most once, and nothing is awaited between the last condition and it. */
  send: (targets: readonly Hash[]) => T;
}

const MAX_RECHECKS = 3;

export function release<T>(
  { feed, records, lease }: ReleaseDeps,
  { fact, entry, recheck, barred, send }: Releasing<T>,
): Promise<Released<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<Released<T>>();
  const targets = targetsOf(entry);
  const publishedAt = performance.now();

  /** A revocation or ending that was read after `seq`, as the verdict that it would have been. */
  function deadSince(seq: number): Refused | null {
    for (const effect of ['revoked', 'ended'] as const) {
      for (const target of targets) {
        const fence_seq = feed.admission.lastFence(effect, [target]);
        if (fence_seq > seq) return { admitted: false, reason: effect, target, fence_seq };
      }
    }
    return null;
  }

  /** Not sent. That the passport is dead goes before every other reason: it is the one that a retry does not mend. */
  function stop(seq: number, otherwise: Released<T>): void {
    const dead = deadSince(seq);
    resolve(dead ? { kind: 'refused', verdict: dead } : otherwise);
  }

  function onRead(own: OwnRecord | null): void {
    if (!own) stop(entry.checked, { kind: 'given_up', why: 'late' });
    else if (!own.verdict.admitted) resolve({ kind: 'refused', verdict: own.verdict });
    else go(own.verdict, entry.checked, own.seq, MAX_RECHECKS);
  }

  /** One synchronous step. `checked`: up to where the answers hold. */
  function go(verdict: Admitted, checked: number, seq: number, rechecks: number): void {
    if (performance.now() - publishedAt >= RECORD_MS) return stop(seq, { kind: 'given_up', why: 'late' });
    if (!lease.held()) return stop(seq, { kind: 'given_up', why: 'lease' });
    if (!feed.fresh()) return stop(seq, { kind: 'given_up', why: 'stale' });
    if (barred()) return stop(seq, { kind: 'barred' });
    const { admission } = feed;
    // Only a recheck lets the log go on past the own entry; what ended meanwhile is not sent.
    const dead = rechecks === MAX_RECHECKS ? null : deadSince(seq);
    if (dead) return resolve({ kind: 'refused', verdict: dead });
    if (admission.lastFence('narrowed', targets) <= checked)
      return resolve({ kind: 'released', value: send(targets), over_caps: verdict.over_caps ?? [] });
    if (rechecks === 0) return resolve({ kind: 'given_up', why: 'stale' });
    recheck().then(
      (position) => {
        try {
          if (position === null) stop(seq, { kind: 'changed' });
          else go(verdict, position, seq, rechecks - 1);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      },
      () => stop(seq, { kind: 'given_up', why: 'stale' }),
    );
  }

  records.readBack(fact, entry, (own) => {
    try {
      onRead(own);
    } catch (error) {
      // A defect in sending must not look like one in reading the log.
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  });
  return promise;
}

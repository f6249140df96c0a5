/**
 * What this gateway knows of the log: every call and fence, applied in order by `admit` (architecture, "The log decides"). Guarantees that a
 * verdict on an own record is handed out in the same turn in which the record is read, after everything before it.
 *
 * Holds nothing that the last three minutes of the log would not give back.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { acknowledgeFence, type FenceHeaders, fenceOf } from '@sallyport/bus/fences.ts';
import { type Entry as LogEntry, follow, type Follower } from '@sallyport/bus/follow.ts';
import { GATEWAY_FILTERS, parseSubject } from '@sallyport/bus/subjects.ts';
import { type Admission, createAdmission } from '@sallyport/admission/admit.ts';
import { type Entry, type Hash, hashOf } from '@sallyport/admission/entry.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { decodeEntries, ENTRIES_HEADER } from '@sallyport/admission/header.ts';
import type { RecentOptions } from '@sallyport/admission/recent.ts';
import type { Verdict } from '@sallyport/admission/verdict.ts';

export const WINDOW_MS = 180_000;

/** How much of the log is remembered, and how far back a verdict looks (`libs/admission`). */
export type AdmissionWindow = Pick<RecentOptions, 'window_ms' | 'memory_ms'>;
/** Silence of the log after which no call is let through (api.md §11). */
export const STALE_MS = 2_000;

export interface OwnRecord {
  verdict: Verdict;
  seq: number;
  index: number;
}

/** A fence as it is read; `targets` are hashes. */
export interface SeenFence {
  effect: FenceHeaders['effect'];
  operator_id: string;
  targets: readonly Hash[];
  seq: number;
  reason: string | undefined;
}

export interface Feed {
  admission: Admission;
  /** Everything up to here was applied. */
  position(): number;
  /** Sequence of the last fence that was read, whatever it names. */
  lastFence(): number;
  /** Stream time of the last message that was read, Unix ms. */
  streamTime(): number;
  /** The log was heard within 2 s, the window has been read, and what was heard could be applied. */
  fresh(): boolean;
  /** Milliseconds since the log was last heard, by a message or a heartbeat; Infinity while a message cannot be applied: what stands behind it is not known. */
  silence_ms(): number;
  /** Since when (monotonic) the log was heard without a gap of 2 s, also one in which this process stood still; Infinity during one. */
  steady_since(): number;
  /** Called for every fence, in order, synchronously. */
  onFence(listener: (fence: SeenFence) => void): void;
  /** Called once, synchronously, when the own entry with this key is read. */
  await(key: string, listener: (own: OwnRecord) => void): void;
  forget(key: string): void;
  /** Boots that were heard of. */
  boots(): ReadonlySet<string>;
  expect(seq: number): void;
  stop(): Promise<void>;
}

export interface FeedOptions {
  bus: Bus;
  clock: Clock;
  boot: string;
  start_seq: number;
  /** Every message of this stream time or a later one stands at `start_seq` or after it, Unix ms; 0 with the whole log. */
  since_ms: number;
  window: AdmissionWindow;
  /** The feed is complete from here on: `fresh` is false until then. */
  caught_up_at: number;
  onReopen: (cause: string) => void;
}

/** The key under which an entry is awaited, or null for entries that nobody awaits. */
export function keyOf(entry: Entry, boot: Hash): string | null {
  switch (entry.kind) {
    case 'attempt':
      return entry.id;
    case 'assertion':
      // One JWT may stand in several own entries, of which only the first is admitted: `until` tells them apart (`records.ts`).
      return `${entry.jwt}${entry.until}`;
    case 'boot_started':
      return boot;
    case 'closing':
    case 'boot_closed':
    case 'none':
      return null;
  }
}

export function openFeed({ bus, clock, boot, start_seq, since_ms, caught_up_at, onReopen, window }: FeedOptions): Feed {
  const admission = createAdmission({ ...window, start_seq, since_ms });
  const ownSubject = boot;
  const ownHash = bootHash(boot);
  const hashes = new Map<string, Hash>();
  const waiting = new Map<string, (own: OwnRecord) => void>();
  const listeners: ((fence: SeenFence) => void)[] = [];
  const boots = new Set<string>();
  let lastFence = 0;
  let streamTime = 0;
  let isStuck = false;

  function hashOfBoot(of: string): Hash {
    const known = hashes.get(of);
    if (known !== undefined) return known;
    const hash = bootHash(of);
    hashes.set(of, hash);
    return hash;
  }

  function onFence(message: LogEntry, headers: FenceHeaders): void {
    const targets = headers.targets.map(hashOf);
    lastFence = message.seq;
    const subject = parseSubject(message.subject);
    admission.fence(headers.effect, targets, { seq: message.seq, ts_ms: message.ts_ms, partition: subject?.partition ?? 0 });
    const operator_id = subject?.type === 'fence' ? subject.operator_id : '';
    const fence: SeenFence = { effect: headers.effect, operator_id, targets, seq: message.seq, reason: headers.reason };
    for (const listener of listeners) listener(fence);
    // Only now does the position hold: calls in flight are cut, later ones will be refused.
    if (headers.ack !== undefined && headers.effect === 'revoked') acknowledgeFence(bus, headers, boot, message.seq);
  }

  function onCalls(message: LogEntry, { boot: from, partition }: { boot: string; partition: number }, header: string): void {
    boots.add(from);
    const at = { seq: message.seq, index: 0, ts_ms: message.ts_ms, boot: hashOfBoot(from), partition };
    for (const entry of decodeEntries(header)) {
      const verdict = admission.apply(entry, at);
      const key = from === ownSubject ? keyOf(entry, ownHash) : null;
      const listener = key === null ? undefined : waiting.get(key);
      if (key !== null && listener) {
        waiting.delete(key);
        listener({ verdict, seq: at.seq, index: at.index });
      }
      at.index++;
    }
  }

  function onMessage(message: LogEntry): void {
    if (message.ts_ms > streamTime) streamTime = message.ts_ms;
    clock.observe(message.ts_ms);
    const header = message.header(ENTRIES_HEADER);
    if (header !== undefined) {
      const subject = parseSubject(message.subject);
      if (subject?.type === 'calls') onCalls(message, subject, header);
      return;
    }
    const fence = fenceOf(message);
    if (fence) onFence(message, fence);
  }

  const follower: Follower = follow(bus, {
    name: 'calls',
    filters: GATEWAY_FILTERS,
    start_seq,
    headers_only: true,
    clock,
    on_message: (message) => {
      try {
        onMessage(message);
        isStuck = false;
      } catch (error) {
        // Never passed: it is tried again and again, and whatever stands behind it waits.
        isStuck = true;
        throw error;
      }
    },
    on_reopen: onReopen,
  });

  return {
    admission,
    position: () => follower.position(),
    lastFence: () => lastFence,
    streamTime: () => streamTime,
    fresh: () => !isStuck && follower.position() >= caught_up_at && follower.last_heard_ms() < STALE_MS,
    silence_ms: () => (isStuck ? Number.POSITIVE_INFINITY : follower.last_heard_ms()),
    steady_since: () => follower.steady_since(),
    onFence: (listener) => {
      listeners.push(listener);
    },
    await: (key, listener) => waiting.set(key, listener),
    forget: (key) => waiting.delete(key),
    boots: () => boots,
    expect: (seq) => follower.expect(seq),
    stop: () => follower.stop(),
  };
}

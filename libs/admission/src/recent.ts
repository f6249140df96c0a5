/**
 * Rules 0 to 2 of `admit`: lateness, closed boots, revocations and endings after `checked`, single-use JWTs. What decides them lies at most 75 s of stream
 * time back, to the millisecond, so every instance that has read that much says the same, however long it runs. Until then it says `unknown`.
 *
 * Knows nothing of operations, approvals and caps.
 */
import type { AssertionEntry, AttemptEntry, ClosingEntry, Hash, Outcome } from './entry.ts';
import { createGenerations } from './generations.ts';
import { HashTable } from './hash-table.ts';
import { createMarks } from './marks.ts';
import { ADMITTED, type EntryPosition, UNKNOWN, type Verdict } from './verdict.ts';

/** A JWT lives at most 60 s and skews by 5 s at each end (api.md §3.3). */
export const MEMORY_MS = 75_000;
const SECOND = 1_000;

export type Effect = 'revoked' | 'ended' | 'narrowed';

export interface FencePosition {
  seq: number;
  ts_ms: number;
  partition: number;
}

export interface RecentOptions {
  /** How much stream time of fences and closings is remembered; more than `memory_ms` and a second. */
  window_ms: number;
  /** How far back verdicts look; a whole number of seconds. Default 75 s. */
  memory_ms?: number;
  /** Everything from this sequence on is fed. Default 1. */
  start_seq?: number;
  /** Every message with this stream time or a later one stands at `start_seq` or after it. Default 0. */
  since_ms?: number;
}

export interface SeenClosing {
  seq: number;
  index: number;
  /** Of the last one. */
  last_ms: number;
  sent: boolean;
  outcome: Outcome;
}

export interface Recent {
  fence(effect: Effect, targets: readonly Hash[], at: FencePosition): void;
  attempt(entry: AttemptEntry, at: EntryPosition): Verdict;
  assertion(entry: AssertionEntry, at: EntryPosition): Verdict;
  /**
   * `of` says what is known of its attempt: `open`, so that this is its first closing; `plain`, then no table rests on it and it need not be kept; or
   * `unseen`: it has not landed, was closed before, or is older than what was read.
   */
  closing(entry: ClosingEntry, at: EntryPosition, of: 'open' | 'plain' | 'unseen'): void;
  closeBoot(boot: Hash, at: EntryPosition): void;
  /** Other entries: the log goes on. */
  pass(at: EntryPosition): void;
  /** Sequence of the last fence of this effect on any of these targets; 0 if none is remembered. */
  lastFence(effect: Effect, targets: readonly Hash[]): number;
  /** The first closing of an attempt in the log, if it is remembered. */
  closingOf(attempt: Hash): SeenClosing | null;
  bootClosed(boot: Hash, partition: number): boolean;
  /** Closings up to here may be forgotten. */
  dropped(): number;
  sizes(): { jwts: number; fences: number; closings: number; bytes: number };
}

const OUTCOMES = ['success', 'failure', 'unknown', 'denied'] as const satisfies readonly Outcome[];
const CLOSING_BYTES = 8 + 8 + 2 + 1;

export function createRecent({ window_ms, memory_ms = MEMORY_MS, start_seq = 1, since_ms = 0 }: RecentOptions): Recent {
  const makeFences = (): Record<Effect, HashTable> => ({ revoked: new HashTable(8), ended: new HashTable(8), narrowed: new HashTable(8) });
  const fences = createGenerations(window_ms, makeFences);
  const closings = createGenerations(window_ms, () => new HashTable(CLOSING_BYTES));
  const jwts = createGenerations(memory_ms, () => new HashTable(8));
  const marks = createMarks(memory_ms / SECOND);
  /** By boot and partition: the stream time of the closing. */
  const closedBoots = new Map<string, number>();

  const isSettled = (at: EntryPosition): boolean => since_ms <= 0 || at.ts_ms - memory_ms - SECOND >= since_ms;
  const isRecent = (tsMs: number | undefined, at: EntryPosition): boolean => tsMs !== undefined && at.ts_ms - tsMs <= memory_ms;
  const bootKey = (boot: Hash, partition: number): string => `${boot}${partition}`;

  function lastOf(effect: Effect, target: Hash): number {
    for (const part of fences.all()) {
      const at = part[effect].find(target);
      if (at >= 0) return part[effect].values.getFloat64(at);
    }
    return 0;
  }

  /** True when it stood in another entry less than 75 s before; every use counts, also that of a refused entry. */
  function useJwt(jwt: Hash | undefined, at: EntryPosition): boolean {
    if (jwt === undefined) return false;
    let replayed = false;
    for (const part of jwts.all()) {
      const found = part.find(jwt);
      if (found < 0) continue;
      replayed = isRecent(part.values.getFloat64(found), at);
      break;
    }
    const newest = jwts.newest(at.ts_ms, at.seq);
    const offset = newest.put(jwt);
    newest.values.setFloat64(offset, at.ts_ms);
    return replayed;
  }

  function closingOf(attempt: Hash): SeenClosing | null {
    for (const part of closings.all()) {
      const at = part.find(attempt);
      if (at < 0) continue;
      const { values } = part;
      const flags = values.getUint8(at + 18);
      const outcome = OUTCOMES[flags & 0x0f] ?? 'unknown';
      return {
        seq: values.getFloat64(at),
        last_ms: values.getFloat64(at + 8),
        index: values.getUint16(at + 16),
        sent: (flags & 0x10) !== 0,
        outcome,
      };
    }
    return null;
  }

  /** Rule 0 where the entry is not asked; null: nothing speaks against it. */
  function tooLate(until: number, at: EntryPosition): Verdict | null {
    if (!isSettled(at)) return UNKNOWN;
    if (isRecent(closedBoots.get(bootKey(at.boot, at.partition)), at)) return { admitted: false, reason: 'boot_closed' };
    return at.ts_ms > until ? { admitted: false, reason: 'late' } : null;
  }

  function judge(entry: AttemptEntry, at: EntryPosition, replayed: boolean): Verdict {
    const late = tooLate(entry.until, at);
    if (late) return late;
    if (isRecent(closingOf(entry.id)?.last_ms, at)) return { admitted: false, reason: 'given_up' };
    const before = marks.before(at);
    if (before === null && entry.checked < start_seq - 1) return UNKNOWN;
    if (before !== null && before > entry.checked) return { admitted: false, reason: 'stale' };
    const targets = targetsOf(entry);
    for (const effect of ['revoked', 'ended'] as const) {
      for (const target of targets) {
        const seq = lastOf(effect, target);
        if (seq > entry.checked) return { admitted: false, reason: effect, target, fence_seq: seq };
      }
    }
    return replayed ? { admitted: false, reason: 'jwt_replayed' } : ADMITTED;
  }

  return {
    fence: (effect, targets, at) => {
      marks.note(at);
      const table = fences.newest(at.ts_ms, at.seq)[effect];
      for (const target of targets) {
        const offset = table.put(target);
        table.values.setFloat64(offset, at.seq);
      }
    },
    attempt: (entry, at) => {
      const verdict = judge(entry, at, useJwt(entry.jwt, at));
      marks.note(at);
      return verdict;
    },
    assertion: (entry, at) => {
      const replayed = useJwt(entry.jwt, at);
      marks.note(at);
      return tooLate(entry.until, at) ?? (replayed ? { admitted: false, reason: 'jwt_replayed' } : ADMITTED);
    },
    closing: (entry, at, of) => {
      marks.note(at);
      if (of === 'plain') return;
      const { seq, index, sent, outcome } = (of === 'unseen' && closingOf(entry.attempt)) || { ...at, ...entry };
      const table = closings.newest(at.ts_ms, at.seq);
      const offset = table.put(entry.attempt);
      table.values.setFloat64(offset, seq);
      table.values.setFloat64(offset + 8, at.ts_ms);
      table.values.setUint16(offset + 16, index);
      table.values.setUint8(offset + 18, (sent ? 0x10 : 0) | OUTCOMES.indexOf(outcome));
    },
    closeBoot: (boot, at) => {
      marks.note(at);
      for (const [key, tsMs] of closedBoots) {
        if (at.ts_ms - tsMs <= window_ms) break;
        closedBoots.delete(key);
      }
      const key = bootKey(boot, at.partition);
      closedBoots.delete(key);
      closedBoots.set(key, at.ts_ms);
    },
    pass: marks.note,
    lastFence: (effect, targets) => targets.reduce((last, target) => Math.max(last, lastOf(effect, target)), 0),
    closingOf,
    bootClosed: (boot, partition) => closedBoots.has(bootKey(boot, partition)),
    dropped: closings.dropped,
    sizes: () => {
      const tables = {
        jwts: [...jwts.all()],
        fences: fences.all().flatMap((part) => Object.values(part)),
        closings: [...closings.all()],
      };
      const size = (of: readonly HashTable[]): number => of.reduce((sum, table) => sum + table.size, 0);
      const bytes = Object.values(tables)
        .flat()
        .reduce((sum, table) => sum + table.bytes, 0);
      return { jwts: size(tables.jwts), fences: size(tables.fences), closings: size(tables.closings), bytes };
    },
  };
}

/** Every target whose revocation or ending refuses the entry. */
export function targetsOf(entry: AttemptEntry): Hash[] {
  const targets = [entry.operator, entry.session, entry.jti, ...entry.missions, entry.connection, entry.grant];
  if (entry.caller !== undefined) targets.push(entry.caller);
  for (const link of entry.chain) targets.push(link.line, link.agent);
  return targets;
}

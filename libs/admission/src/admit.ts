/**
 * `admit`: one pure function over the log, the same at every gateway, in audit and in the sweeper (architecture, "The log decides").
 * Feed it every fence and every entry in log order; its verdict on an entry depends on nothing else. Time is the stream's.
 *
 * Rules 0 to 3: lateness and closed boots, revocations and endings after `checked`, single-use JWTs, operation ids.
 * A refused entry uses up nothing but its JWT; a closing with `sent: false` gives its operation back; the first closing counts.
 */
import type { AttemptEntry, ClosingEntry, Entry, Hash, Outcome } from './entry.ts';
import { createGenerations } from './generations.ts';

/** A JWT lives at most 60 s and skews by 5 s at each end (api.md §3.3). */
export const JWT_MEMORY_MS = 75_000;

export type Effect = 'revoked' | 'ended' | 'narrowed';

export interface EntryPosition {
  seq: number;
  index: number;
  /** The stream's timestamp of the message, Unix ms. */
  ts_ms: number;
  boot: Hash;
}

export interface OperationState {
  attempt: Hash;
  digest: Hash;
  state: 'running' | Outcome;
}

export type Verdict =
  | { admitted: true }
  | { admitted: false; reason: 'late' | 'boot_closed' | 'given_up' | 'jwt_replayed' }
  | { admitted: false; reason: 'revoked' | 'ended'; target: Hash; fence_seq: number }
  | { admitted: false; reason: 'operation'; operation: OperationState };

export interface OpenAttempt {
  id: Hash;
  boot: Hash;
  seq: number;
  index: number;
  ts_ms: number;
  verdict: Verdict;
}

export interface Admission {
  fence(effect: Effect, targets: readonly Hash[], at: { seq: number; ts_ms: number }): void;
  /** The verdict on an attempt or assertion; other entries are always admitted. */
  apply(entry: Entry, at: EntryPosition): Verdict;
  /** Sequence of the last fence of this effect on any of these targets; 0 if none is remembered. */
  lastFence(effect: Effect, targets: readonly Hash[]): number;
  /** State of an operation of a mission, as far as the log was read. */
  operation(mission: Hash, id: Hash): OperationState | null;
  /** Attempts without a closing, for the sweeper. */
  open(boot: Hash): OpenAttempt[];
  bootClosed(boot: Hash): boolean;
  sizes(): { jwts: number; operations: number; open: number; fences: number };
}

/** `window_ms`: how much stream time of fences is remembered; an answer older than that is asked again. */
export function createAdmission(options: { window_ms: number }): Admission {
  const fences: Record<Effect, ReturnType<typeof createGenerations<number>>> = {
    revoked: createGenerations<number>(options.window_ms),
    ended: createGenerations<number>(options.window_ms),
    narrowed: createGenerations<number>(options.window_ms),
  };
  const jwts = createGenerations<true>(JWT_MEMORY_MS);
  /** Closings whose attempt has not been seen: it was given up before it landed. */
  const early = createGenerations<true>(options.window_ms);
  const operations = new Map<Hash, Map<Hash, OperationState>>();
  const attempts = new Map<Hash, OpenAttempt & { entry: AttemptEntry }>();
  const closedBoots = new Set<Hash>();

  function lastFence(effect: Effect, targets: readonly Hash[]): number {
    let last = 0;
    for (const target of targets) last = Math.max(last, fences[effect].get(target) ?? 0);
    return last;
  }

  function judge(entry: AttemptEntry, at: EntryPosition, replayed: boolean): Verdict {
    if (closedBoots.has(at.boot)) return { admitted: false, reason: 'boot_closed' };
    if (at.ts_ms > entry.until) return { admitted: false, reason: 'late' };
    if (early.get(entry.id)) return { admitted: false, reason: 'given_up' };
    for (const effect of ['revoked', 'ended'] as const) {
      for (const target of targetsOf(entry)) {
        const seq = fences[effect].get(target);
        if (seq !== undefined && seq > entry.checked) return { admitted: false, reason: effect, target, fence_seq: seq };
      }
    }
    if (replayed) return { admitted: false, reason: 'jwt_replayed' };
    const mission = entry.missions[0];
    const known = entry.operation && mission ? operations.get(mission)?.get(entry.operation.id) : undefined;
    if (known) return { admitted: false, reason: 'operation', operation: { ...known } };
    return { admitted: true };
  }

  function useJwt(jwt: Hash | undefined, tsMs: number): boolean {
    if (jwt === undefined) return false;
    if (jwts.get(jwt)) return true;
    jwts.set(jwt, true, tsMs);
    return false;
  }

  function attempt(entry: AttemptEntry, at: EntryPosition): Verdict {
    const verdict = judge(entry, at, useJwt(entry.jwt, at.ts_ms));
    const mission = entry.missions[0];
    if (verdict.admitted && entry.operation && mission) {
      const ofMission = operations.get(mission) ?? new Map<Hash, OperationState>();
      ofMission.set(entry.operation.id, { attempt: entry.id, digest: entry.operation.digest, state: 'running' });
      operations.set(mission, ofMission);
    }
    if (!early.get(entry.id))
      attempts.set(entry.id, { id: entry.id, boot: at.boot, seq: at.seq, index: at.index, ts_ms: at.ts_ms, verdict, entry });
    return verdict;
  }

  function close(entry: ClosingEntry, at: EntryPosition): void {
    const opened = attempts.get(entry.attempt);
    if (!opened) {
      early.set(entry.attempt, true, at.ts_ms);
      return;
    }
    attempts.delete(entry.attempt);
    const mission = opened.entry.missions[0];
    const ofMission = mission ? operations.get(mission) : undefined;
    const operation = opened.entry.operation ? ofMission?.get(opened.entry.operation.id) : undefined;
    if (!opened.entry.operation || operation?.attempt !== entry.attempt) return;
    if (entry.sent) operation.state = entry.outcome;
    else ofMission?.delete(opened.entry.operation.id);
  }

  return {
    fence(effect, targets, at) {
      for (const target of targets) fences[effect].set(target, at.seq, at.ts_ms);
    },
    apply(entry, at) {
      switch (entry.kind) {
        case 'attempt':
          return attempt(entry, at);
        case 'closing':
          close(entry, at);
          return { admitted: true };
        case 'assertion': {
          const replayed = useJwt(entry.jwt, at.ts_ms);
          if (closedBoots.has(at.boot)) return { admitted: false, reason: 'boot_closed' };
          if (at.ts_ms > entry.until) return { admitted: false, reason: 'late' };
          return replayed ? { admitted: false, reason: 'jwt_replayed' } : { admitted: true };
        }
        case 'boot_closed':
          closedBoots.add(entry.boot);
          return { admitted: true };
        case 'boot_started':
        case 'none':
          return { admitted: true };
      }
    },
    lastFence,
    operation(mission, id) {
      const known = operations.get(mission)?.get(id);
      return known ? { ...known } : null;
    },
    open(boot) {
      return [...attempts.values()].filter((one) => one.boot === boot).map(({ entry: _entry, ...one }) => one);
    },
    bootClosed: (boot) => closedBoots.has(boot),
    sizes: () => ({
      jwts: jwts.size(),
      operations: [...operations.values()].reduce((sum, one) => sum + one.size, 0),
      open: attempts.size,
      fences: fences.revoked.size() + fences.ended.size() + fences.narrowed.size(),
    }),
  };
}

/** Every target whose revocation or ending refuses the entry. */
export function targetsOf(entry: AttemptEntry): Hash[] {
  const targets = [entry.operator, entry.session, entry.jti, ...entry.missions, entry.connection, entry.grant];
  if (entry.caller !== undefined) targets.push(entry.caller);
  for (const link of entry.chain) targets.push(link.line, link.agent);
  return targets;
}

/**
 * The host of all detectors for one key (detectors.md §1.7 to §1.9). Pure: state and event in, state and what is to be written out. Owns the once
 * rule, the net against repeated events and the bound on state; what it returns is the same for every owner that reads the same log.
 */
import { createHash } from 'node:crypto';
import { signalId } from '@sallyport/features/signal-id.ts';
import type { AnyDetector, DetectorEvent, EffectKind, Json, PassportFacts, Severity, Signal } from './detector.ts';
import { SEVERITIES } from './detector.ts';
import { effectOf, effectReason, severityIn } from './severity.ts';

/** One signal that stands, by `<detector> <sub-key>`. */
interface Once {
  id: string;
  severity: Severity;
  count: number;
  last_at: number;
}

/** What is kept for one key: JSON through and through. */
export interface KeyState {
  v: 1;
  key: string;
  operator_id: string;
  last_pos: { seq: number; index: number };
  /** Hashes of the last events, against a repetition under another position. */
  recent: readonly string[];
  passport: PassportFacts | null;
  states: { readonly [detector: string]: unknown };
  once: { readonly [key: string]: Once };
  /** Unix ms; the state is thrown away then. */
  dies_at_ms: number | null;
}

export interface Raised {
  signal_id: string;
  detector: string;
  detector_version: string;
  key: string;
  once: string;
  code: string;
  severity: Severity;
  message: string;
  metadata: { readonly [name: string]: Json };
  effect: EffectKind;
  effect_reason: string | null;
  cause: DetectorEvent;
}

export interface Repeated {
  signal_id: string;
  operator_id: string;
  count: number;
  last_at_ms: number;
}

export interface HostStep {
  state: KeyState;
  raised: readonly Raised[];
  /** Counts as they are now; how often the ledger hears of them is the worker's. */
  repeated: readonly Repeated[];
  /** Detectors whose step threw twice; skipped for this event. */
  failed: readonly string[];
}

const MAX_RECENT = 128;
const MAX_ONCE = 32;
const AFTER_END_MS = 900_000;

export function newKey(key: string, operatorId: string): KeyState {
  const start = { seq: 0, index: 0 };
  return { v: 1, key, operator_id: operatorId, last_pos: start, recent: [], passport: null, states: {}, once: {}, dies_at_ms: null };
}

export function isBefore(a: { seq: number; index: number }, b: { seq: number; index: number }): boolean {
  return a.seq < b.seq || (a.seq === b.seq && a.index < b.index);
}

/** `issued`: the passport's facts when the event is an issue. `ends`: the key's last fact; its state lives on for 15 minutes. */
export function stepKey(
  detectors: readonly AnyDetector[],
  before: KeyState,
  event: DetectorEvent,
  { issued = null, ends = false }: { issued?: PassportFacts | null; ends?: boolean } = {},
): HostStep {
  const none = { raised: [], repeated: [], failed: [] };
  if (!isBefore(before.last_pos, event.pos)) return { state: before, ...none };
  const hash = createHash('sha256').update(event.id).digest('base64url').slice(0, 11);
  if (before.recent.includes(hash)) return { state: { ...before, last_pos: event.pos }, ...none };
  const passport = issued ?? before.passport;
  let state: KeyState = {
    ...before,
    last_pos: event.pos,
    recent: [...before.recent, hash].slice(-MAX_RECENT),
    passport,
    dies_at_ms: ends
      ? event.at + AFTER_END_MS
      : (before.dies_at_ms ?? (passport ? passport.deadline_ms + AFTER_END_MS : event.at + 86_400_000)),
  };
  const raised: Raised[] = [];
  const repeated: Repeated[] = [];
  const failed: string[] = [];
  for (const detector of detectors) {
    if (!detector.consumes.includes(event.type)) continue;
    const name = `${detector.id}@${detector.version}`;
    const stepped = attempt(detector, state.states[name] ?? detector.init(passport), event);
    if (!stepped) {
      failed.push(detector.id);
      continue;
    }
    state = { ...state, states: { ...state.states, [name]: bounded(detector, stepped.state, passport) } };
    const signals = stepped.out.filter((output) => output.kind === 'signal');
    for (const signal of signals) state = judge(state, detector, event, signal, sixthPart(signal, signals), raised, repeated);
  }
  return { state, raised, repeated, failed };
}

function attempt(detector: AnyDetector, state: unknown, event: DetectorEvent): ReturnType<AnyDetector['step']> | null {
  for (let tries = 0; tries < 2; tries++) {
    try {
      return detector.step(state, event);
    } catch {
      // A defect of one detector must not stop the others, nor the log.
    }
  }
  return null;
}

/** A state that outgrew its detector's bound begins anew: the detector failed to drop its oldest entries. */
function bounded(detector: AnyDetector, state: unknown, passport: PassportFacts | null): unknown {
  return JSON.stringify(state).length <= detector.max_state_bytes ? state : detector.init(passport);
}

/** One step's signals are told apart by their code, and where that is the same by the sub-key, which begins with it. */
function sixthPart(signal: Signal, all: readonly Signal[]): string | null {
  if (all.length === 1) return null;
  return all.filter(({ code }) => code === signal.code).length > 1 ? signal.once : signal.code;
}

function judge(
  state: KeyState,
  detector: AnyDetector,
  event: DetectorEvent,
  signal: Signal,
  sixth: string | null,
  raised: Raised[],
  repeated: Repeated[],
): KeyState {
  const severity = severityIn(event.mode, signal.code, signal.base, detector.master);
  if (severity === null) return state;
  const onceKey = `${detector.id} ${signal.once}`;
  const known = state.once[onceKey];
  if (known && SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(known.severity)) {
    const once: Once = { ...known, count: known.count + 1, last_at: Math.max(known.last_at, event.at) };
    repeated.push({ signal_id: once.id, operator_id: event.operator_id, count: once.count, last_at_ms: once.last_at });
    return withOnce(state, onceKey, once);
  }
  const id = signalId({
    detector: detector.id,
    version: detector.version,
    operator_id: event.operator_id,
    key: state.key,
    cause_event_id: event.id,
    cause_at_ms: event.at,
    ...(sixth !== null && { code: sixth }),
  });
  const effect = effectOf(event.mode, severity, detector.master);
  raised.push({
    signal_id: id,
    detector: detector.id,
    detector_version: detector.version,
    key: state.key,
    once: `${signal.once}@${severity}`,
    code: signal.code,
    severity,
    message: signal.message,
    metadata: { ...signal.metadata, mode: event.mode, detector_version: detector.version, config_digest: detector.config_digest },
    effect,
    effect_reason: effect === 'none' ? null : effectReason(detector.id, signal.code),
    cause: event,
  });
  return withOnce(state, onceKey, { id, severity, count: 1, last_at: event.at });
}

/** The oldest give way: an agent that tries a thousand services must not grow the state. */
function withOnce(state: KeyState, key: string, once: Once): KeyState {
  const others = Object.entries(state.once).filter(([name]) => name !== key);
  return { ...state, once: Object.fromEntries([...others.slice(-(MAX_ONCE - 1)), [key, once]]) };
}

/** The repeats that a state knows of: all that may not have reached the ledger before it was read back. */
export function repeatsOf({ once, operator_id }: KeyState): Repeated[] {
  return Object.values(once)
    .filter(({ count }) => count > 1)
    .map(({ id, count, last_at }) => ({ signal_id: id, operator_id, count, last_at_ms: last_at }));
}

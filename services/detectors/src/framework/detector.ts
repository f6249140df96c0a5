/**
 * What a detector is (detectors.md §1.3): a pure function over one event and its own state. No clock, network, randomness or mutable module
 * state: the same inputs give the same outputs, live or in replay.
 */
import type { Mode } from '@sallyport/contracts/objects/agent.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Severity = 'info' | 'warning' | 'critical';
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical'];

export type EffectKind = 'none' | 'revoke' | 'revoke_session' | 'revoke_agent';

/** One fact with its place in the ledger. `mode` and `depth`: of the passport it concerns. */
export interface DetectorEvent {
  id: string;
  type: string;
  /** Writer's clock, Unix ms; windows use it, order uses `pos`. */
  at: number;
  pos: { seq: number; index: number };
  operator_id: string;
  agent_id: string | null;
  session_id: string | null;
  mission_id: string | null;
  jti: string | null;
  mode: Mode;
  depth: number;
  traceparent: string | null;
  data: Readonly<Record<string, unknown>>;
}

/** Of `passport.issued`: what a mission's detectors know of its passport. */
export interface PassportFacts {
  jti: string;
  agent_id: string;
  mode: Mode;
  depth: number;
  summary: string;
  intent_services: readonly string[];
  granted_providers: readonly string[];
  deadline_ms: number;
}

export type Signal = {
  kind: 'signal';
  code: string;
  base: Severity;
  message: string;
  metadata: { readonly [key: string]: Json };
  /** Sub-key of the once rule; a repeat raises nothing new. */
  once: string;
};
export type Annotation = { kind: 'annotation'; name: string; value: Json };
export type Output = Signal | Annotation;

export interface Stepped<S> {
  state: S;
  out: readonly Output[];
}

/** Whose state: `passport` means the mission, so that it survives refreshes and rotation. */
export type StateKey = 'passport' | 'session' | 'agent';

/** The master table's facts about a detector (detectors.md §1.5 to §1.7, §2.14). */
export interface MasterRow {
  needs_intent: boolean;
  /** Of a critical signal in enforced mode. */
  effect: EffectKind;
  /** Keep critical in logged mode. */
  identity_codes: readonly string[];
  /** Codes that are not raised in these modes. */
  silent: { readonly [code: string]: readonly Mode[] };
  settable: readonly ('on' | 'dry_run' | 'off')[];
}

export interface Detector<S, C> {
  id: string;
  /** Semver; part of every signal id. */
  version: string;
  key: StateKey;
  consumes: readonly string[];
  defaults: C;
  master: MasterRow;
  /** The host never keeps more for one key. */
  max_state_bytes: number;
  /** `passport`: null when the issue was not read, after the end of a state's life. */
  init(passport: PassportFacts | null): S;
  step(state: Readonly<S>, event: DetectorEvent, config: Readonly<C>): Stepped<S>;
}

/** A detector with its types hidden, as the registry and the host hold it: states go in and out as JSON. */
export interface AnyDetector extends Omit<Detector<unknown, unknown>, 'init' | 'step' | 'defaults'> {
  /** Digest of the configuration in force, in every signal's metadata. */
  config_digest: string;
  init(passport: PassportFacts | null): unknown;
  step(state: unknown, event: DetectorEvent): Stepped<unknown>;
}

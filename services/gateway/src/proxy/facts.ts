/** The facts of a call (detectors.md 1.4; api.md §8.6), from the gateway's own parse of it. Pure. Digests and features, never a body or a query. */
import { createHash } from 'node:crypto';
import type { Actor, Fact } from '@sallyport/contracts/fact.ts';
import { callAttempted, callCompleted, callDenied } from '@sallyport/contracts/facts/calls.ts';
import type { PassportView } from '@sallyport/contracts/objects/views.ts';
import type { Static } from 'typebox';
import { classOf } from '@sallyport/features/call-class.ts';
import { XV } from '@sallyport/features/version.ts';
import { callShape } from '@sallyport/policy/call-shape.ts';
import { canonicalText, type Json } from '@sallyport/policy/json.ts';
import type { Reached } from '../pipeline.ts';
import { isCritical, type Refusal, reasonOf } from '../refusal.ts';
import { featuresOf, networkOf } from './features.ts';
import type { ProxyRequest } from './request.ts';

type Attempted = Static<typeof callAttempted.data>;
type Denied = Static<typeof callDenied.data>;
type Completed = Static<typeof callCompleted.data>;
export type Described = Omit<Attempted, 'boot_id'>;

/** Who calls, as far as records name it. */
export interface Caller {
  actor: Actor;
  key_thumb: string | null;
  peer: string;
  request_id: string;
  traceparent: string;
  received_at_ms: number;
}

export interface CallFacts {
  call_id: string;
  request: ProxyRequest;
  reached: Reached;
  bound: boolean;
  passport: PassportView;
  caller: Caller;
  /** The operator's key for keyed hashes; null: those fields stay empty. */
  key: Uint8Array | null;
  /** Where it was computed before. */
  call_digest?: string;
}

/** What is true of the call whatever becomes of it. */
export function describe({ call_id, request, reached, bound, passport, caller, key, call_digest }: CallFacts): Described {
  const { service, url, view } = reached;
  const slug = service?.service_name ?? request.service.slice(0, 64);
  const features = key && view ? featuresOf(key, slug, view) : null;
  return {
    call_id,
    service: slug,
    connection_id: service?.connection_id ?? null,
    method: request.method,
    class: features?.class ?? classOf(view ?? { method: request.method, pathname: '/', body: undefined }),
    host: url?.host ?? null,
    path: url?.pathname ?? null,
    call_digest:
      call_digest ??
      (url && callShape({ service: slug, method: request.method, url, query: request.query, body: request.body }).call_digest),
    shape: features?.shape ?? null,
    resource: features?.resource ?? null,
    dests: features ? [...features.dests] : [],
    words: features ? [...features.words] : [],
    body_keys: features ? [...features.body_keys] : [],
    req_bytes: request.payload === null ? 0 : Buffer.byteLength(request.payload),
    bound,
    approval_id: request.approval_id,
    operation_id: request.operation_id,
    mode: passport.accountability,
    depth: passport.delegation_depth,
    src: { net: key ? networkOf(key, caller.peer) : null, inst: null, key_thumb: caller.key_thumb },
    received_at_ms: caller.received_at_ms,
    feat: { xv: XV },
  };
}

type Whose = Pick<Fact, 'operator_id' | 'agent_id' | 'session_id' | 'mission_id' | 'jti' | 'actor' | 'request_id' | 'traceparent'>;

export function whoseCall(passport: PassportView, caller: Caller): Whose {
  return {
    operator_id: passport.operator_id,
    agent_id: passport.agent_id,
    session_id: passport.session_id,
    mission_id: passport.mission_id,
    jti: passport.jti,
    actor: caller.actor,
    request_id: caller.request_id,
    traceparent: caller.traceparent,
  };
}

export interface Stamp {
  id: string;
  at: number;
}

export function attemptedFact(stamp: Stamp, whose: Whose, data: Attempted): Fact {
  return { ...stamp, type: callAttempted.type, v: callAttempted.v, ...whose, data };
}

/** What a closing repeats of the call that it closes. */
export function repeated({
  call_id,
  service,
  connection_id,
  method,
  host,
  path,
  override,
  call_digest,
  approval_id,
  operation_id,
  feat,
}: Described) {
  const moved = override === undefined ? {} : { override };
  return { call_id, service, connection_id, method, host, path, ...moved, call_digest, approval_id, operation_id, feat };
}

export function completedFact(stamp: Stamp, whose: Whose, causedBy: string, data: Completed): Fact {
  return { ...stamp, type: callCompleted.type, v: callCompleted.v, ...whose, causation_id: causedBy, data };
}

export function deniedFact(stamp: Stamp, whose: Whose, described: Described, refused: Refusal, attemptId: string | null): Fact {
  const { denial, failed, intent_services = [], granted_providers = [] } = refused;
  const gate = denial.metadata?.['gate_reason'];
  const data: Denied = {
    ...described,
    attempt_id: attemptId,
    code: denial.code,
    reason: recordedReason(refused),
    message: denial.message,
    gate_reason: typeof gate === 'string' ? gate : null,
    changed: [],
    failed: failed ? { path: failed.path, op: failed.op, value_hash: hashOfValue(failed.value) } : null,
    intent_services,
    granted_providers,
    held: described.mode === 'enforced' && isCritical(refused, reasonOf(refused)),
  };
  const causation = attemptId === null ? {} : { causation_id: attemptId };
  return { ...stamp, type: callDenied.type, v: callDenied.v, ...whose, ...causation, data };
}

/** Detectors know dead passports by a word, not by the text that a person wrote (detectors.md 1.4). */
function recordedReason(refused: Refusal): string | null {
  const reason = refused.recorded_reason ?? reasonOf(refused);
  if (refused.denial.code === 'PASSPORT_EXPIRED') return 'expired';
  if (refused.denial.code === 'PASSPORT_REVOKED') return reason === 'checked_out' || reason === 'superseded' ? reason : 'revoked';
  return reason;
}

// The constraint came out of a signed token or the log: it is JSON.
function hashOfValue(value: unknown): string {
  return createHash('sha256')
    .update(canonicalText(value as Json))
    .digest('hex');
}

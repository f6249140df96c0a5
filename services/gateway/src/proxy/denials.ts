/** Refusals of calls whose operator is known: recorded, then answered (api.md §8.2). */
import { denial } from '@sallyport/contracts/errors.ts';
import type { Actor } from '@sallyport/contracts/fact.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import { type Entry, type Hash } from '@sallyport/admission/entry.ts';
import { jwtHash } from '@sallyport/admission/hashes.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { ProxyDeps } from '../deps.ts';
import type { Reached } from '../pipeline.ts';
import type { ProxyAnswer, ProxyCall } from '../proxy.ts';
import { isCritical, type Refusal, reasonOf, refusal } from '../refusal.ts';
import type { KnownPassport } from '../views/passports.ts';
import { type Caller, deniedFact, describe, type Described, whoseCall } from './facts.ts';
import type { Identity } from './identify.ts';

export interface CallContext {
  call: ProxyCall;
  known: KnownPassport;
  jwt: Identity['jwt'];
  reached: Reached;
  bound: boolean;
  actor: Actor;
  key_thumb: string | null;
}

/** Methods whose agent JWT counts once (api.md §3.3). */
const SINGLE_USE_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

export function isSingleUse(method: string): boolean {
  return SINGLE_USE_METHODS.includes(method);
}

export function callerOf({ call, actor, key_thumb }: CallContext, receivedAtMs: number): Caller {
  return { actor, key_thumb, peer: call.peer, request_id: call.request_id, traceparent: call.traceparent, received_at_ms: receivedAtMs };
}

export function receivedAt(deps: Pick<ProxyDeps, 'clock'>, call: ProxyCall): number {
  return deps.clock.now() - Math.round(performance.now() - call.arrived_at);
}

/** At once where the operator's detector key is kept. */
export function describeCall(deps: ProxyDeps, context: CallContext, callId: string, digest?: string): Described | Promise<Described> {
  const { operator_id } = context.known.resolved.passport;
  const received = receivedAt(deps, context.call);
  const kept = deps.detectorKeys.kept(operator_id);
  return kept
    ? described(context, callId, digest, received, kept)
    : deps.detectorKeys.open(operator_id, context.call.request_id).then((key) => described(context, callId, digest, received, key));
}

function described(
  context: CallContext,
  call_id: string,
  digest: string | undefined,
  receivedAtMs: number,
  key: Uint8Array | null,
): Described {
  const { call, reached, bound } = context;
  return describe({
    call_id,
    request: call.request,
    reached,
    bound,
    passport: context.known.resolved.passport,
    caller: callerOf(context, receivedAtMs),
    key,
    ...(digest !== undefined && { call_digest: digest }),
  });
}

/** Records the refusal and answers it; 503 when the log did not take it within 500 ms. */
export async function refuseCall(deps: ProxyDeps, context: CallContext, refused: Refusal): Promise<ProxyAnswer> {
  const { call, known, jwt } = context;
  const { passport } = known.resolved;
  const { code } = refused.denial;
  if (code === 'RATE_LIMITED' || code === 'OVERLOADED' || code === 'REVOCATION_STATE_STALE') return answer(deps, refused, false);
  const now = deps.clock.now();
  const id = newId('event', now);
  const described = await describeCall(deps, context, id);
  hold(deps, known, refused);
  const entry: Entry = jwt && isSingleUse(call.request.method) ? deps.records.assertion(jwtHash(jwt.agent_id, jwt.jti)) : { kind: 'none' };
  const fact = deniedFact({ id, at: now }, whoseCall(passport, callerOf(context, now)), described, refused, null);
  const recorded = await deps.records.write(fact, entry, { keep_trying: false });
  if (!recorded) return answer(deps, unrecorded(), false);
  return answer(
    deps,
    { ...refused, denial: { ...refused.denial, metadata: { ...refused.denial.metadata, entry_id: auditIdOf(id) } } },
    true,
  );
}

/**
 * Ends an attempt that was recorded and will not be sent: closed by `call.denied`, which is tried until the log takes it. Answers without
 * waiting for it where the log itself is the trouble.
 */
export async function refuseAttempt(
  deps: ProxyDeps,
  context: CallContext,
  attemptOf: { id: string; hash: Hash; described: Described },
  refused: Refusal,
): Promise<ProxyAnswer> {
  const now = deps.clock.now();
  const { passport } = context.known.resolved;
  const stamp = { id: newId('event', now), at: now };
  const fact = deniedFact(stamp, whoseCall(passport, callerOf(context, now)), attemptOf.described, refused, attemptOf.id);
  const written = deps.records.write(
    fact,
    { kind: 'closing', attempt: attemptOf.hash, sent: false, outcome: 'denied' },
    { keep_trying: true },
  );
  const { code } = refused.denial;
  if (code === 'AUDIT_UNAVAILABLE' || code === 'REVOCATION_STATE_STALE') return answer(deps, refused, true);
  return (await written) ? answer(deps, refused, true) : answer(deps, unrecorded(), false);
}

export function unrecorded(): Refusal {
  return { denial: { ...denial('AUDIT_UNAVAILABLE', 'The event log did not take the record of this call.'), retry_after: 1 } };
}

/** What a core message told that the log could not take yet (api.md §11). */
export function underWay(): Refusal {
  return refusal('PASSPORT_REVOKED', 'A revocation is under way.', { reason: 'revocation_pending' });
}

/** Before the record is out: the revocation that it causes may be read before its acknowledgement. */
function hold(deps: ProxyDeps, known: KnownPassport, refused: Refusal): void {
  const { passport } = known.resolved;
  if (passport.accountability === 'enforced' && isCritical(refused, reasonOf(refused)))
    deps.holds.hold(passport.jti, known.targets, passport.expires_at_ms);
}

function answer(deps: ProxyDeps, refused: Refusal, recorded: boolean): ProxyAnswer {
  deps.signals.callRefused(refused.denial.code, reasonOf(refused), recorded);
  return { ok: false, denial: refused.denial };
}

/**
 * `POST /v1/proxy`, in the order of api.md §8.2. Owns the sequence; each step lives in a file of its own. Guarantees: nothing goes upstream before
 * its record was read back, a refusal never rests on a kept answer, and a refusal after an operator is established is recorded before it is
 * answered, or becomes 503.
 */
import { type Denial, denial, type Metadata } from '@sallyport/contracts/errors.ts';
import type { ProxyDeps } from './deps.ts';
import { checkLife } from './checks/life.ts';
import type { Bearing } from './http/bearer.ts';
import type { Taken } from './http/rate-limits.ts';
import { judge, type Judgement, type Reached } from './pipeline.ts';
import { attempt } from './proxy/attempt.ts';
import { type CallContext, refuseCall, underWay } from './proxy/denials.ts';
import { identify, type Identified, type Identity } from './proxy/identify.ts';
import { prepare } from './proxy/prepare.ts';
import type { ProxyRequest } from './proxy/request.ts';
import { Unanswered } from './views/questions.ts';

export interface ProxyCall {
  request: ProxyRequest;
  bearer: Bearing;
  /** `X-Passport-Token`. */
  passport_token: string | undefined;
  peer: string;
  request_id: string;
  traceparent: string;
  /** `performance.now()` at its arrival. */
  arrived_at: number;
  /** Told what the caller's rate limit is. */
  onLimit: (taken: Taken) => void;
}

/** `text`: the envelope, JSON. */
export type ProxyAnswer = { ok: true; text: string } | { ok: false; denial: Denial };

export async function proxyCall(deps: ProxyDeps, call: ProxyCall): Promise<ProxyAnswer> {
  try {
    return await run(deps, call);
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    deps.signals.questionFailed('views');
    return uncounted(deps, stale('What is not known about this passport could not be learnt in time.'));
  }
}

const NOTHING: Reached = { service: null, url: null, view: null };

async function run(deps: ProxyDeps, call: ProxyCall): Promise<ProxyAnswer> {
  // Step 2.
  if (!deps.feed.fresh()) return uncounted(deps, stale('The revocation feed is silent.'));

  // Step 3. Without a genuine passport no operator is established, so these are counted only.
  if (call.passport_token === undefined) return uncounted(deps, unauthorized('missing', 'The call has no passport.'));
  const verified = deps.tokens.verify(call.passport_token, Math.floor(deps.clock.now() / 1000));
  const token = verified instanceof Promise ? await verified : verified;
  if (!token.ok) return uncounted(deps, unauthorized(token.reason, 'The passport cannot be used.'));
  const presented = { bearer: call.bearer, claims: token.claims, arrived_at: call.arrived_at, request_id: call.request_id };
  const identifying = { feed: deps.feed, passports: deps.passports, principals: deps.principals, now: deps.clock.now };
  const ask = async (fresh: boolean): Promise<Identified> => identify(identifying, presented, fresh);
  // What is kept is used in this turn: on the ordinary path nothing is awaited before the record.
  const told = identify(identifying, presented, false);
  let who = told instanceof Promise ? await told : told;
  if (!who.ok && who.asked_at < call.arrived_at) who = await ask(true);
  if (!who.ok) return refuseUnidentified(deps, call, who);

  // Step 4, and the hold after a refusal that revokes.
  const { jti } = token.claims;
  if (deps.holds.isHeld(jti)) {
    if (!(await deps.holds.wait(jti)))
      return uncounted(deps, { ...denial('DETECTOR_LAG', 'The last call of this passport is still being judged.'), retry_after: 1 });
    who = await ask(true);
    if (!who.ok) return refuseUnidentified(deps, call, who);
  }
  if (deps.cuts.isCut(who.identity.standing.passport.operator_id))
    return refuseCall(deps, contextOf(call, who.identity, NOTHING), underWay());

  // Step 5, once step 4 would let the call on.
  if (checkLife(who.identity.standing, deps.clock.now()).ok) {
    const taken = deps.limits.take('proxy', who.identity.standing.passport.agent_id, performance.now());
    call.onLimit(taken);
    if (!taken.ok) return uncounted(deps, { ...denial('RATE_LIMITED', 'Too many calls.'), retry_after: taken.reset });
    if (deps.room.full()) return uncounted(deps, { ...denial('OVERLOADED', 'No room for the response.'), retry_after: 1 });
  }

  // Steps 4 and 6 to 10.
  let judged: Judgement = judge(call.request, who.identity.standing, deps.clock.now());
  if (!judged.ok && who.identity.asked_at < call.arrived_at) {
    who = await ask(true);
    if (!who.ok) return refuseUnidentified(deps, call, who);
    judged = judge(call.request, who.identity.standing, deps.clock.now());
  }
  if (!judged.ok) return refuseCall(deps, contextOf(call, who.identity, judged.reached), judged.refusal);
  const { plan } = judged;
  const context = contextOf(call, who.identity, plan);
  context.bound = plan.bound;

  // Steps 10 (operations), 11 and 12.
  const preparing = prepare(deps, {
    request: call.request,
    identity: who.identity,
    plan,
    passport_token: call.passport_token,
    request_id: call.request_id,
  });
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  if (!prepared.ok) return refuseCall(deps, context, prepared.refusal);

  // Steps 13 and 14.
  return attempt(deps, context, { identity: who.identity, plan, prepared: prepared.prepared, ask });
}

export function contextOf(call: ProxyCall, identity: Identity, reached: Reached): CallContext {
  const { principal } = identity.standing;
  return {
    call,
    known: identity.known,
    jwt: identity.jwt,
    reached,
    bound: false,
    actor: { type: principal.type, id: principal.id },
    key_thumb: identity.key_thumb,
  };
}

async function refuseUnidentified(deps: ProxyDeps, call: ProxyCall, who: Extract<Identified, { ok: false }>): Promise<ProxyAnswer> {
  // A bearer that is nobody's tells nothing about the passport's operator, but its genuine passport was shown.
  if (!who.known || who.refusal.denial.code === 'INVALID_API_KEY') return uncounted(deps, who.refusal.denial);
  const { agent_id } = who.known.resolved.passport;
  const context: CallContext = {
    call,
    known: who.known,
    jwt: null,
    reached: NOTHING,
    bound: false,
    actor: { type: 'agent', id: agent_id },
    key_thumb: null,
  };
  return refuseCall(deps, context, who.refusal);
}

/** Steps 1 to 3 without an operator, step 5 and held calls: metrics only (api.md §8.2). */
function uncounted(deps: ProxyDeps, refused: Denial): ProxyAnswer {
  const reason = refused.metadata?.['reason'];
  deps.signals.callRefused(refused.code, typeof reason === 'string' ? reason : null, false);
  return { ok: false, denial: refused };
}

function stale(message: string): Denial {
  return { ...denial('REVOCATION_STATE_STALE', message), retry_after: 1 };
}

function unauthorized(reason: string, message: string): Denial {
  const metadata: Metadata = { reason };
  return denial('UNAUTHORIZED', message, metadata);
}

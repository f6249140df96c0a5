/** Steps 13 and 14 of api.md §8.2 for one prepared call: the attempt's record, the release, the upstream's answer, the closing record. */
import { denial } from '@sallyport/contracts/errors.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import type { Hash } from '@sallyport/admission/entry.ts';
import { attemptHash, digestHash } from '@sallyport/admission/hashes.ts';
import type { Refused } from '@sallyport/admission/verdict.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { ProxyDeps } from '../deps.ts';
import { RECORD_MS } from '../log/records.ts';
import { judge, type Plan } from '../pipeline.ts';
import type { ProxyAnswer } from '../proxy.ts';
import { forbidden, type Refusal, refusal, unauthorized } from '../refusal.ts';
import { type CallContext, callerOf, describeCall, isSingleUse, refuseAttempt, underWay, unrecorded } from './denials.ts';
import { attemptEntry } from './entry.ts';
import { attemptedFact, completedFact, type Described, repeated, whoseCall } from './facts.ts';
import type { Identified, Identity } from './identify.ts';
import { repeatRefusal } from './operations.ts';
import { type Ended, endOf } from './outcomes.ts';
import type { Prepared } from './prepare.ts';
import { release } from './release.ts';
import { envelope } from './response.ts';
import type { Outcome } from './upstream.ts';

export interface Attempting {
  identity: Identity;
  plan: Plan;
  prepared: Prepared;
  ask: (fresh: boolean) => Promise<Identified>;
}

interface Recorded {
  id: string;
  hash: Hash;
  described: Described;
}

interface Released extends Recorded {
  /** Caps that are used up but only flag. */
  over_caps: string[];
}

export async function attempt(deps: ProxyDeps, context: CallContext, attempting: Attempting): Promise<ProxyAnswer> {
  const { identity, plan, prepared } = attempting;
  const { request } = context.call;
  const { passport } = context.known.resolved;
  const now = deps.clock.now();
  const id = newId('event', now);
  const hash = attemptHash(id);
  const describing = describeCall(deps, context, id, prepared.call_digest);
  const told = describing instanceof Promise ? await describing : describing;
  const described: Described = prepared.override ? { ...told, override: true } : told;
  if (described.src.net === null && deps.detectorKeys.kept(passport.operator_id) === null) return refuseUnpublished(deps, unrecorded());
  const entry = attemptEntry({
    id: hash,
    identity,
    connection_id: plan.service.connection_id,
    service: plan.service.service_name,
    operation_id: request.operation_id,
    call_digest: prepared.call_digest,
    approval_id: request.approval_id,
    single_use: isSingleUse(request.method),
    until: deps.clock.now() + RECORD_MS,
  });
  if (!entry) return refuseUnpublished(deps, unrecorded());
  const recorded: Recorded = { id, hash, described };
  const fact = attemptedFact({ id, at: now }, whoseCall(passport, callerOf(context, now)), { ...described, boot_id: deps.boot });

  let startedAt = 0;
  const released = await release(deps, {
    fact,
    entry,
    recheck: () => recheck(deps, context, attempting),
    barred: () => deps.cuts.isCut(passport.operator_id),
    send: (targets) => {
      startedAt = performance.now();
      // A connection may take its time. What the log said meanwhile was read, unless it was silent or this process stood still.
      const mayStart = (): boolean => deps.lease.held() && deps.feed.fresh() && deps.feed.steady_since() <= startedAt;
      const { outcome, cut } = deps.upstream.dispatch(prepared.pool, prepared.outgoing, mayStart);
      const landed = deps.inFlight.add(targets, cut);
      return outcome.finally(landed);
    },
  });
  switch (released.kind) {
    case 'released':
      return close(
        deps,
        context,
        attempting,
        { ...recorded, over_caps: [...plan.over_caps, ...released.over_caps] },
        await released.value,
        startedAt,
      );
    case 'refused':
      return refuseAttempt(deps, context, recorded, await verdictRefusal(deps, context, attempting, released.verdict, identity.caller));
    case 'changed':
      return refuseAttempt(deps, context, recorded, await changedRefusal(context, attempting, deps));
    case 'barred':
      return refuseAttempt(deps, context, recorded, underWay());
    case 'given_up':
      return refuseAttempt(deps, context, recorded, released.why === 'stale' ? staleRefusal() : unrecorded());
  }
}

function refuseUnpublished(deps: ProxyDeps, refused: Refusal): ProxyAnswer {
  deps.signals.callRefused(refused.denial.code, null, false);
  return { ok: false, denial: refused.denial };
}

function staleRefusal(): Refusal {
  return {
    denial: {
      ...denial('REVOCATION_STATE_STALE', 'What changed while the call was recorded could not be learnt in time.'),
      retry_after: 1,
    },
  };
}

/** The call judged anew: it must pass, and by the same credential and destination, since the request is already made up. */
async function recheck(deps: ProxyDeps, { call }: CallContext, { plan, ask }: Attempting): Promise<number | null> {
  const who = await ask(true);
  if (!who.ok) return null;
  const again = judge(call.request, who.identity.standing, deps.clock.now());
  if (!again.ok) return null;
  const before = plan.access.connection;
  const after = again.plan.access.connection;
  const same =
    after.id === before.id &&
    after.credential_ref === before.credential_ref &&
    after.upstream_override === before.upstream_override &&
    after.allow_private_networks === before.allow_private_networks &&
    again.plan.url.url === plan.url.url;
  return same ? who.identity.checked : null;
}

/** What the caller is told when the answers changed under the call. */
async function changedRefusal(context: CallContext, { ask }: Attempting, deps: ProxyDeps): Promise<Refusal> {
  const who = await ask(true).catch(() => null);
  if (!who) return staleRefusal();
  if (!who.ok) return who.refusal;
  const again = judge(context.call.request, who.identity.standing, deps.clock.now());
  return again.ok ? staleRefusal() : again.refusal;
}

async function verdictRefusal(
  deps: ProxyDeps,
  context: CallContext,
  attempting: Attempting,
  verdict: Refused,
  caller: Hash | undefined,
): Promise<Refusal> {
  switch (verdict.reason) {
    case 'late':
    case 'boot_closed':
    case 'given_up':
      return unrecorded();
    case 'stale':
    case 'unknown':
      return staleRefusal();
    case 'jwt_replayed':
      return unauthorized('jti_replayed', 'This agent token was used before.');
    case 'operation':
      return repeatRefusal(context.call.request.operation_id ?? '', verdict.operation, digestHash(attempting.prepared.call_digest));
    case 'approval': {
      const { call_digest } = attempting.prepared;
      const gate = { gate_reason: 'already_used', approval_id: context.call.request.approval_id, call_digest };
      return refusal('FORBIDDEN', 'This approval was used by an earlier call.', gate);
    }
    case 'cap': {
      const { cap, limit, used } = verdict;
      return forbidden('mission_cap', `The mission has used up its cap ${cap}.`, { cap, limit, used });
    }
    case 'revoked':
    case 'ended': {
      if (verdict.target === caller) return refusal('INVALID_API_KEY', 'This key belongs to nobody.');
      // The owner knows the reason's words; that the passport is dead is settled whatever it says.
      const told = await changedRefusal(context, attempting, deps);
      const { jti } = context.known.resolved.passport;
      return told.denial.code === 'PASSPORT_REVOKED'
        ? told
        : refusal('PASSPORT_REVOKED', `Passport ${jti} was revoked.`, { reason: verdict.reason });
    }
  }
}

async function close(
  deps: ProxyDeps,
  context: CallContext,
  { prepared }: Attempting,
  recorded: Released,
  outcome: Outcome,
  startedAt: number,
): Promise<ProxyAnswer> {
  const duration_ms = Math.round(performance.now() - startedAt);
  try {
    const attempt_entry_id = auditIdOf(recorded.id);
    const ended = endOf(outcome, prepared.credential.scrub, attempt_entry_id);
    if (outcome.kind === 'cut') deps.signals.callCut(outcome.cause);
    const entry_id = await recordEnd(deps, context, recorded, ended, duration_ms);
    deps.signals.callAnswered((performance.now() - context.call.arrived_at) / 1000);
    const { answer } = ended;
    if (!answer.ok) return answer;
    return { ok: true, text: envelope({ ...answer, entry_id, attempt_entry_id, duration_ms }) };
  } finally {
    if (outcome.kind === 'answer') outcome.share.release();
  }
}

/** The id of the closing row, or null when the log did not take it in time; it is then tried on, and the answer is given all the same. */
async function recordEnd(
  deps: ProxyDeps,
  context: CallContext,
  { id, hash, described, over_caps }: Released,
  { closing }: Ended,
  dur_ms: number,
): Promise<string | null> {
  const now = deps.clock.now();
  const stamp = { id: newId('event', now), at: now };
  const data = { ...repeated(described), attempt_id: id, ...closing.fact, dur_ms, over_caps };
  const fact = completedFact(stamp, whoseCall(context.known.resolved.passport, callerOf(context, now)), id, data);
  const entry = { kind: 'closing', attempt: hash, sent: closing.sent, outcome: closing.entry } as const;
  if (await deps.records.write(fact, entry, { keep_trying: true })) return auditIdOf(stamp.id);
  deps.signals.outcomeNotRecorded();
  return null;
}

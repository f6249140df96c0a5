/** Acknowledging and resolving security events (api.md §14.3): decided against the log, answered from the read model once it has the decision. */
import type { Scope } from '@sallyport/bus/ledger.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type {
  acknowledgeSecurityEvent,
  resolveSecurityEvent,
  resolveSecurityEvents,
} from '@sallyport/contracts/operations/security-events.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { acknowledge, resolve, type SignalDecision, signalKind, type SignalState } from '../domain/signal.ts';
import { detailedEvent } from './event-object.ts';
import { eventOf, matching } from '../db/find-events.ts';

const READ_MS = 2_000;
const MOST_AT_ONCE = 500;

type Decide = (state: SignalState) => SignalDecision;
type Decided = { ok: true; seq: number } | { ok: false; denial: Denial };

async function decideOne({ ledger }: Deps, scope: Scope, id: string, decide: Decide): Promise<Decided> {
  if (!isId('security_event', id)) return { ok: false, denial: notFound('Security event', id) };
  const { operator_id } = scope;
  const decided = await ledger.decide<null>(scope, async (read) => {
    const { state } = await read.get(signalKind, operator_id, id);
    const decision = decide(state);
    if ('deny' in decision) return { deny: decision.deny };
    const write = decision.facts.length === 0 ? [] : [{ on: signalKind, operator_id, id, facts: decision.facts }];
    return { write, value: null };
  });
  return decided.ok ? { ok: true, seq: decided.seq } : decided;
}

async function answer(deps: Deps, operation: Operation, scope: Scope, id: string, decide: Decide): Promise<BusAnswer> {
  const decided = await decideOne(deps, scope, id, decide);
  if (!decided.ok) return refuse(decided.denial);
  if (decided.seq > 0) await deps.events.waitFor(scope.operator_id, decided.seq, READ_MS);
  const row = await eventOf(deps.database, scope.operator_id, id);
  if (!row) return refuse({ ...denial('READ_MODEL_BEHIND', 'The security events have not reached that event yet.'), retry_after: 1 });
  return success(operation, detailedEvent(row), decided.seq > 0 ? { event_seq: decided.seq } : {});
}

export function acknowledgeOperation(deps: Deps): OperationHandler<typeof acknowledgeSecurityEvent> {
  return ({ operation, scope, params }) => answer(deps, operation, scope, params.id, (state) => acknowledge(state, params.id));
}

export function resolveOperation(deps: Deps): OperationHandler<typeof resolveSecurityEvent> {
  return ({ operation, scope, params, body }) => {
    const how = { resolution: body.resolution ?? 'true_positive', note: body.note ?? null };
    return answer(deps, operation, scope, params.id, (state) => resolve(state, params.id, how));
  };
}

export function resolveManyOperation(deps: Deps): OperationHandler<typeof resolveSecurityEvents> {
  return async ({ operation, principal, scope, body }) => {
    const how = { resolution: body.resolution ?? 'true_positive', note: body.note ?? null };
    const rows = await deps.database.db
      .selectFrom('security_events')
      .select('id')
      .where(matching(principal.operator_id, body.filter ?? {}))
      .where('status', '<>', 'resolved')
      .orderBy('id', 'desc')
      .limit(MOST_AT_ONCE)
      .execute();
    let [resolved, last] = [0, 0];
    for (const { id } of rows) {
      const decided = await decideOne(deps, scope, id, (state) => resolve(state, id, how));
      if (!decided.ok || decided.seq === 0) continue;
      resolved++;
      last = Math.max(last, decided.seq);
    }
    return success(operation, { resolved }, last > 0 ? { event_seq: last } : {});
  };
}

/** Acknowledging and resolving (api.md §14.3, detectors.md §6.1): decided against the signal's own facts, idempotent, an audit row each. */
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type {
  acknowledgeSecurityEvent,
  resolveSecurityEvent,
  resolveSecurityEvents,
} from '@sallyport/contracts/operations/security-events.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { Scope, Write } from '@sallyport/bus/ledger.ts';
import { answerOf, success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { findEvent, listEvents } from '../db/events.ts';
import type { Deps } from '../deps.ts';
import { acknowledge, resolve, type SignalDecision, type SignalState, signalKind } from '../domain/signal.ts';
import { detailedObject } from './event-object.ts';
import { readModelBehind } from './read-events.ts';

const MOST_AT_ONCE = 500;

export function acknowledgeOperation(deps: Deps): OperationHandler<typeof acknowledgeSecurityEvent> {
  return async ({ operation, params, scope }) => change(deps, operation, scope, params.id, (state) => acknowledge(state, params.id));
}

export function resolveOperation(deps: Deps): OperationHandler<typeof resolveSecurityEvent> {
  return async ({ operation, params, body, scope }) =>
    change(deps, operation, scope, params.id, (state) => resolve(state, params.id, howOf(body)));
}

export function resolveManyOperation({ database, ledger }: Deps): OperationHandler<typeof resolveSecurityEvents> {
  return async ({ operation, principal, body, scope }) => {
    const { operator_id } = principal;
    const rows = await listEvents(database, operator_id, body.filter ?? {}, { limit: MOST_AT_ONCE, offset: 0 });
    const decided = await ledger.decide(scope, async (read) => {
      const states = await Promise.all(rows.map(async ({ id }) => ({ id, state: (await read.get(signalKind, operator_id, id)).state })));
      const write = states.flatMap(({ id, state }): Write[] => {
        const made = resolve(state, id, howOf(body));
        return 'facts' in made && made.facts.length > 0 ? [{ on: signalKind, operator_id, id, facts: made.facts }] : [];
      });
      return { write, value: write.length };
    });
    return answerOf(operation, decided, (resolved) => ({ resolved }));
  };
}

function howOf({ resolution, note }: { resolution?: string | null; note?: string | null }): { resolution: string; note: string | null } {
  return { resolution: resolution ?? 'true_positive', note: note ?? null };
}

/** Decides, then answers from the read model once it has the decision's own facts. */
async function change(
  { database, events, ledger }: Deps,
  operation: Operation,
  scope: Scope,
  id: string,
  decide: (state: SignalState) => SignalDecision,
): Promise<BusAnswer> {
  const missing: Denial = notFound('Security event', id);
  if (!isId('security_event', id)) return refuse(missing);
  const { operator_id } = scope;
  const decided = await ledger.decide(scope, async (read) => {
    const { state, seq } = await read.get(signalKind, operator_id, id);
    const made = decide(state);
    if ('deny' in made) return made;
    return { write: [{ on: signalKind, operator_id, id, facts: made.facts }], value: seq };
  });
  if (!decided.ok) return refuse(decided.denial);
  const seq = decided.seq || decided.value;
  if (!(await events.waitFor(operator_id, seq))) return refuse(readModelBehind());
  const row = await findEvent(database, operator_id, id);
  return row ? success(operation, detailedObject(row), { event_seq: seq }) : refuse(missing);
}

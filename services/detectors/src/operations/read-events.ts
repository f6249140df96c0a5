/** Listing and getting security events (api.md §14.3, §1.7). */
import { type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial, notFound } from '@sallyport/contracts/errors.ts';
import { idTime, isId } from '@sallyport/contracts/ids.ts';
import type { getSecurityEvent, listSecurityEvents } from '@sallyport/contracts/operations/security-events.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { countUnresolved, findEvent, listEvents } from '../db/events.ts';
import type { Deps } from '../deps.ts';
import { detailedObject, eventObject } from './event-object.ts';

const YOUNG_MS = 5_000;

export function listOperation(deps: Deps): OperationHandler<typeof listSecurityEvents> {
  return async ({ call, operation, principal, query }) => {
    const behind = await waitForAsked(deps, call, principal.operator_id);
    if (behind) return refuse(behind);
    const [page, limit] = [query.page ?? 1, query.limit ?? 50];
    // Pages far beyond any table are empty, not an overflow.
    const offset = Math.min((page - 1) * limit, Number.MAX_SAFE_INTEGER);
    const [rows, unresolved_count] = await Promise.all([
      listEvents(deps.database, principal.operator_id, query, { limit, offset }),
      countUnresolved(deps.database, principal.operator_id),
    ]);
    return success(operation, { events: rows.map(eventObject), unresolved_count, page, limit });
  };
}

export function getOperation(deps: Deps): OperationHandler<typeof getSecurityEvent> {
  return async ({ call, operation, principal, params }) => {
    const { operator_id } = principal;
    if (!isId('security_event', params.id)) return refuse(notFound('Security event', params.id));
    const behind = await waitForAsked(deps, call, operator_id);
    if (behind) return refuse(behind);
    let row = await findEvent(deps.database, operator_id, params.id);
    // A young id may be in the ledger already and not here yet.
    if (!row && deps.clock.now() - (idTime(params.id) ?? 0) < YOUNG_MS) {
      await deps.events.waitFor(operator_id, await deps.ledger.streamLast(), 1_000);
      row = await findEvent(deps.database, operator_id, params.id);
    }
    return row ? success(operation, detailedObject(row)) : refuse(notFound('Security event', params.id));
  };
}

async function waitForAsked({ events }: Deps, { min_event_seq = 0 }: BusCall, operatorId: string): Promise<Denial | null> {
  if (min_event_seq === 0 || (await events.waitFor(operatorId, min_event_seq))) return null;
  return readModelBehind();
}

export function readModelBehind(): Denial {
  return { ...denial('READ_MODEL_BEHIND', 'The read model is not there yet.'), retry_after: 1 };
}

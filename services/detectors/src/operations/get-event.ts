/** `GET /v1/security-events/:id` (api.md §14.3). */
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { idTime, isId } from '@sallyport/contracts/ids.ts';
import type { getSecurityEvent } from '@sallyport/contracts/operations/security-events.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { detailedEvent } from './event-object.ts';
import { eventOf } from '../db/find-events.ts';
import { behind } from './behind.ts';

const YOUNG_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;

export function getOperation(deps: Deps): OperationHandler<typeof getSecurityEvent> {
  return async ({ call, operation, principal, params, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    if (!isId('security_event', params.id)) return refuse(notFound('Security event', params.id));
    const find = (): ReturnType<typeof eventOf> => eventOf(deps.database, principal.operator_id, params.id);
    let row = await find();
    // A young id may be in the ledger already and not here yet (api.md §1.7).
    if (!row && deps.clock.now() - (idTime(params.id) ?? 0) < YOUNG_MS) {
      await deps.events.waitFor(principal.operator_id, await deps.ledger.streamLast(), LOOK_AGAIN_MS);
      row = await find();
    }
    return row ? success(operation, detailedEvent(row)) : refuse(notFound('Security event', params.id));
  };
}

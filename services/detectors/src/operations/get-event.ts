/** `GET /v1/security-events/:id` (api.md §14.3). */
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import type { getSecurityEvent } from '@sallyport/contracts/operations/security-events.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { detailedEvent } from './event-object.ts';
import { eventOf } from '../db/find-events.ts';
import { behind } from './behind.ts';

export function getOperation(deps: Deps): OperationHandler<typeof getSecurityEvent> {
  return async ({ call, operation, principal, params, remaining_ms }) => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const row = await eventOf(deps.database, principal.operator_id, params.id);
    return row ? success(operation, detailedEvent(row)) : refuse(notFound('Security event', params.id));
  };
}

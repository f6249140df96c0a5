/** One connection (api.md §12), read at the log's leader. To an agent one that it does not reach does not exist. */
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { getConnection } from '@sallyport/contracts/operations/services.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { connectionKind } from '../domain/connection.ts';
import { refuseReach } from '../domain/update.ts';

export function getOperation({ ledger, passports }: Deps): OperationHandler<typeof getConnection> {
  return async ({ call, operation, principal, params }) => {
    const id = params.connection_id;
    const missing = refuse(notFound('Connection', id));
    if (!isId('connection', id)) return missing;
    const { state } = await ledger.load(connectionKind, principal.operator_id, id);
    if (state.status !== 'live') return missing;
    if (principal.type === 'agent') {
      const reach = await passports.reachOf(principal.id, call);
      if (!reach.ok) return refuse(reach.denial);
      return reach.ids.has(id) ? success(operation, state.connection) : missing;
    }
    const forbidden = refuseReach(principal, state.connection);
    return forbidden ? refuse(forbidden) : success(operation, state.connection);
  };
}

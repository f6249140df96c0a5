/** `connection.revoke_holders`: asked by vault when a connection was disconnected. */
import type { connectionHolders } from '@sallyport/contracts/operations/services.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { revokeHolders } from '../holders.ts';
import { readConnection } from '../reading.ts';

export function revokeHoldersOperation(deps: Deps): OperationHandler<typeof connectionHolders> {
  return async ({ operation, body: { operator_id, connection_id }, scopeFor }) => {
    if (!isId('operator', operator_id) || !isId('connection', connection_id)) return refuse(notFound('Connection', connection_id));
    // What still stands is nobody's to take passports away for.
    if (await readConnection(deps.ledger.load, operator_id, connection_id)) return success(operation, { revoked_count: 0 });
    const scope = scopeFor(operator_id, { type: 'service', id: 'vault' });
    // What is missed here, because the read model is late, the consumer of vault's fact finds.
    const { revoked } = await revokeHolders(deps, scope, connection_id);
    return success(operation, { revoked_count: revoked });
  };
}

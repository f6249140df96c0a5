/**
 * `DELETE /v1/services/:connection_id/disconnect` (api.md §12): the secret is destroyed, the fact and its fence end the connection at every gateway,
 * and the passports that hold it are revoked. A crash in between leaves the rest to the followers of the fact, here and in `passports`.
 */
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { serviceDisconnected } from '@sallyport/contracts/facts/vault.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { disconnectService } from '@sallyport/contracts/operations/services.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { connectionKind } from '../domain/connection.ts';
import { withoutConnection } from '../domain/provider.ts';
import { refuseReach } from '../domain/update.ts';
import { fenceWrite, readRegister, registerWrites } from './writes.ts';

export function disconnectOperation({ ledger, passports, secrets, signals }: Deps): OperationHandler<typeof disconnectService> {
  return async ({ call, operation, principal, params, scope }) => {
    const id = params.connection_id;
    const { operator_id } = principal;
    if (!isId('connection', id)) return refuse(notFound('Connection', id));
    const decided = await ledger.decide(scope, async (read) => {
      const { state } = await read.get(connectionKind, operator_id, id);
      if (state.status !== 'live') return { deny: notFound('Connection', id) };
      const { provider } = state.connection;
      const forbidden = refuseReach(principal, state.connection);
      if (forbidden) return { deny: forbidden };
      const before = await readRegister(read, operator_id, provider);
      const register = await registerWrites(read, operator_id, provider, { before, after: withoutConnection(before, id), handled: id });
      const fact = draft(serviceDisconnected, { connection_id: id, provider });
      const gone = { on: connectionKind, operator_id, id, facts: [fact] };
      return { write: [gone, fenceWrite(operator_id, id, 'disconnected'), ...register], value: id };
    });
    if (!decided.ok) return refuse(decided.denial);
    await secrets.destroyAll(id);
    const revoked = await passports.revokeHolders(operator_id, id, call);
    signals.disconnected(id, operator_id, revoked);
    return answerOf(operation, decided, () => ({ id, disconnected: true, revoked_count: revoked }));
  };
}

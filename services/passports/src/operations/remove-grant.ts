/**
 * `DELETE /v1/agents/:id/grants/:connection_id` (api.md §5.3). Implicit access to the connection goes too: `allowed_connections` loses it, and where that was "all"
 * it becomes all that there are but this one. Passports live on.
 */
import { refuse } from '@sallyport/contracts/call.ts';
import { connectionNotAllowed, mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import { removeGrant } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { GRANT } from '../domain/grant.ts';
import { removalWrites } from '../granting.ts';
import { behind, connectionsOf, noAgent, readAgent, readConnection } from '../reading.ts';

export function removeGrantOperation(deps: Deps): OperationHandler<typeof removeGrant> {
  return async ({ principal, params: { id, connection_id }, scope }) => {
    const { operator_id } = principal;
    const connections = await connectionsOf(deps, operator_id);
    if (!connections) return refuse(behind());
    const decided = await deps.ledger.decide<{ removed: number }>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const grants = (await read.get(GRANT, operator_id, id)).state;
      const held = grants.grants[connection_id];
      const connection = await readConnection(read.get, operator_id, connection_id);
      if (!held && !connection) return { deny: notFound('Connection', connection_id) };
      if (connection && !mayTouch(principal, connection)) return { deny: connectionNotAllowed() };
      const before = found.agent.allowed_connections;
      const allowed = (before ?? connections.map((connection) => connection.id)).filter((one) => one !== connection_id);
      if (!held && before && !before.includes(connection_id)) return { write: [], value: { removed: 0 } };
      return { write: removalWrites(operator_id, found.agent, [connection_id], grants, allowed), value: { removed: held ? 1 : 0 } };
    });
    return answerOf(removeGrant, decided, (value) => value);
  };
}

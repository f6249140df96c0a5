/** `GET /v1/agents/:id/permissions` (api.md §5.3): explicit grants, and what the agent reaches without one. */
import { mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import type { agentPermissions } from '@sallyport/contracts/operations/agents.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { accessTo } from '../domain/access.ts';
import { GRANT } from '../domain/grant.ts';
import { behind, connectionsOf, noAgent, readAgent, readOperator } from '../reading.ts';

export function agentPermissionsOperation(deps: Deps): OperationHandler<typeof agentPermissions> {
  return async ({ operation, principal, params: { id } }) => {
    const { operator_id } = principal;
    if (principal.type === 'agent' && principal.id !== id) return refuse(noAgent(id));
    const { load } = deps.ledger;
    const [found, operator, connections] = await Promise.all([
      readAgent(load, operator_id, id),
      readOperator(load, operator_id),
      connectionsOf(deps, operator_id),
    ]);
    if (!found) return refuse(noAgent(id));
    if (!connections) return refuse(behind());
    const grants = (await load(GRANT, operator_id, id)).state;
    // A member sees the part that it may use itself.
    const visible = connections.filter((connection) => mayTouch(principal, connection));
    const shown = (id: string): boolean => principal.allowed_connections === null || visible.some((connection) => connection.id === id);
    const access = visible.map((one) => accessTo(one, found.agent, grants, operator.settings, deps.clock.now()));
    const implicit = access
      .filter((one) => one !== null)
      .filter((one) => !one.explicit)
      .map(({ connection, approval, constraints }) => ({
        connection_id: connection.id,
        service: connection.provider,
        approval,
        constraints,
      }));
    const explicit = Object.values(grants.grants).flatMap(({ grant }) => (shown(grant.connection_id) ? [grant] : []));
    return success(operation, { agent_id: id, grants: explicit, implicit });
  };
}

/** `GET /v1/agents/:id` (api.md §5.1). An agent sees itself. */
import { refuse } from '@sallyport/contracts/call.ts';
import type { getAgent } from '@sallyport/contracts/operations/agents.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { noAgent, readAgent } from '../reading.ts';

export function getAgentOperation(deps: Deps): OperationHandler<typeof getAgent> {
  return async ({ operation, principal, params: { id } }) => {
    if (principal.type === 'agent' && principal.id !== id) return refuse(noAgent(id));
    const found = await readAgent(deps.ledger.load, principal.operator_id, id);
    return found ? success(operation, found.agent) : refuse(noAgent(id));
  };
}

/** `principal.resolve`, `agent.resolve`, `operator.resolve`: who somebody is, for the other services. */
import type { agentResolve } from '@sallyport/contracts/operations/agents.ts';
import type { operatorResolve, principalResolve } from '@sallyport/contracts/operations/operator.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { resolveToken } from '../sign-in/resolve-token.ts';
import { resolveAgent, resolveOperator, resolvePrincipal } from '../identify.ts';

export function resolvePrincipalOperation(deps: Deps): OperationHandler<typeof principalResolve> {
  return async ({ operation, body }) => {
    const { sha256, token, min_seq } = body;
    if (token !== undefined) return success(operation, await resolveToken(deps, token, min_seq));
    return success(operation, await resolvePrincipal(deps, sha256 ?? '', min_seq));
  };
}

export function resolveAgentOperation(deps: Deps): OperationHandler<typeof agentResolve> {
  return async ({ operation, body }) => success(operation, await resolveAgent(deps, body.agent_id, body.min_seq));
}

export function resolveOperatorOperation(deps: Deps): OperationHandler<typeof operatorResolve> {
  return async ({ operation, body }) => success(operation, await resolveOperator(deps, body.operator_id, body.min_seq));
}

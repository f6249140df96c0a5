/** `POST /v1/agents/:id/unblock` (api.md §5.1). A block by a critical finding or an operator takes A and a person who may decide. */
import { denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentUnblocked } from '@sallyport/contracts/facts/identity.ts';
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import { unblockAgent } from '@sallyport/contracts/operations/agents.ts';
import { hasLetter } from '@sallyport/contracts/principal.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { noAgent, readAgent, readOperator } from '../reading.ts';
import { narrowedAgent } from '../writes.ts';

export function unblockAgentOperation(deps: Deps): OperationHandler<typeof unblockAgent> {
  return async ({ principal, params: { id }, body, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      if (!found.agent.passport_blocked) return { write: [], value: found.agent };
      if (found.state.blocked_by !== 'warning') {
        if (!hasLetter(principal, 'A')) return { deny: denial('FORBIDDEN', 'This block takes an admin.', { reason: 'role' }) };
        const refusal = governanceDenial(principal, ['passport_blocked'], await readOperator(read.get, operator_id));
        if (refusal) return { deny: refusal };
      }
      const fact = draft(agentUnblocked, { comment: body.comment ?? null }, { agent_id: id });
      const cleared = { passport_blocked: false, passport_blocked_reason: null, passport_blocked_at: null };
      return {
        write: [{ on: AGENT, operator_id, id, facts: [fact] }, narrowedAgent(operator_id, id, 'agent unblocked')],
        value: { ...found.agent, ...cleared, updated_at: iso(read.now) },
      };
    });
    return answerOf(unblockAgent, decided, (agent) => agent);
  };
}

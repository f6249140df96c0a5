/**
 * `PATCH /v1/agents/:id` (api.md §5.1). Suspending revokes the agent's live passports in the same batch. A lowered mode touches only passports issued later.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentUpdated } from '@sallyport/contracts/facts/identity.ts';
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import { updateAgent } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { wideningRefusal } from '../allowed-connections.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { changesOf, loosenedFields } from '../domain/agent-settings.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { livePassports } from '../projections/live-passports.ts';
import { tellAgentRevoked } from '../propagation.ts';
import { noAgent, readAgent, readOperator } from '../reading.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from '../writes.ts';
import { unknownConnection } from './register-agent.ts';

const SUSPENDED = 'Agent suspended';

interface Updated {
  agent: Agent;
  revoked: { revoked_count: number; cascaded_count: number } | null;
}

export function updateAgentOperation(deps: Deps): OperationHandler<typeof updateAgent> {
  return async ({ principal, params: { id }, body, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<Updated>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const changes = changesOf(found.agent, body);
      const refusal =
        (await unknownConnection(read.get, operator_id, changes.allowed_connections ?? [])) ??
        (await wideningRefusal(read.get, principal, found.agent.allowed_connections, changes.allowed_connections)) ??
        governanceDenial(principal, loosenedFields(found.agent, changes), await readOperator(read.get, operator_id));
      if (refusal) return { deny: refusal };
      if (Object.keys(changes).length === 0) return { write: [], value: { agent: found.agent, revoked: null } };
      const agent = { ...found.agent, ...changes, updated_at: iso(read.now) };
      const facts: DraftFact[] = [draft(agentUpdated, { changes }, { agent_id: id })];
      const write: Write[] = [{ on: AGENT, operator_id, id, facts }, narrowedAgent(operator_id, id, 'agent changed')];
      if (changes.status !== 'suspended') return { write, value: { agent, revoked: null } };
      const met = await livePassports(deps, operator_id, { agent_id: id });
      const by = `${principal.type}:${principal.id}`;
      const revoked = { kind: 'bulk_agent', target: id, reason: SUSPENDED, cascaded: met.descendants, count: met.own.length, by } as const;
      facts.push(revokedDraft(revoked, { agent_id: id }));
      write.push(revokedAgent(operator_id, id, SUSPENDED));
      return { write, value: { agent, revoked: { revoked_count: met.own.length, cascaded_count: met.descendants.length } } };
    });
    if (decided.ok && decided.value.revoked) {
      await tellAgentRevoked(deps, operator_id, decided, { agent_id: id, reason: SUSPENDED, ...decided.value.revoked });
    }
    return answerOf(updateAgent, decided, ({ agent }) => agent);
  };
}

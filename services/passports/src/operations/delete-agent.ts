/**
 * `DELETE /v1/agents/:id` (api.md §5.1): passports and open missions end, the key is forgotten, the id answers 404 from then on. History stays. The missions are ended
 * by the cascade's consumer: they are dead by their agent before it comes to them.
 */
import type { Decision } from '@sallyport/bus/ledger.ts';
import type { Write } from '@sallyport/bus/compose.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentDeleted, thumbprintFreed } from '@sallyport/contracts/facts/identity.ts';
import { deleteAgent } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { THUMBPRINT } from '../domain/thumbprint.ts';
import { livePassports } from '../projections/live-passports.ts';
import { tellAgentRevoked } from '../propagation.ts';
import { noAgent, readAgent } from '../reading.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from '../writes.ts';

const DELETED = 'Agent deleted';

interface Deleted {
  id: string;
  deleted: true;
  revoked_count: number;
  cascaded_count: number;
}

export function deleteAgentOperation(deps: Deps): OperationHandler<typeof deleteAgent> {
  return async ({ principal, params: { id }, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<Deleted>(scope, async (read): Promise<Decision<Deleted>> => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const met = await livePassports(deps, operator_id, { agent_id: id });
      const by = `${principal.type}:${principal.id}`;
      const revoked = { kind: 'bulk_agent', target: id, reason: DELETED, cascaded: met.descendants, count: met.own.length, by } as const;
      const thumbprint = found.agent.key_thumbprint;
      if (thumbprint !== null) await read.get(THUMBPRINT, PLATFORM, thumbprint);
      const freed: Write[] =
        thumbprint === null
          ? []
          : [
              {
                on: THUMBPRINT,
                operator_id: PLATFORM,
                id: thumbprint,
                facts: [draft(thumbprintFreed, { key_thumbprint: thumbprint }, { agent_id: id })],
              },
            ];
      return {
        write: [
          { on: AGENT, operator_id, id, facts: [draft(agentDeleted, {}, { agent_id: id }), revokedDraft(revoked, { agent_id: id })] },
          ...freed,
          narrowedAgent(operator_id, id, DELETED),
          revokedAgent(operator_id, id, DELETED),
        ],
        value: { id, deleted: true as const, revoked_count: met.own.length, cascaded_count: met.descendants.length },
      };
    });
    if (decided.ok) {
      const { revoked_count, cascaded_count } = decided.value;
      await tellAgentRevoked(deps, operator_id, decided, { agent_id: id, reason: DELETED, revoked_count, cascaded_count });
    }
    return answerOf(deleteAgent, decided, (value) => value);
  };
}

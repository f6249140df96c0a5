/** `DELETE /v1/services/agents/:agent_id/revoke` (api.md §5.3, the client's call): no access is left, and live passports die with it. */
import { revokeAccess } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { GRANT } from '../domain/grant.ts';
import { removalWrites } from '../granting.ts';
import { livePassports } from '../projections/live-passports.ts';
import { tellAgentRevoked } from '../propagation.ts';
import { noAgent, readAgent } from '../reading.ts';
import { revokedAgent, revokedDraft } from '../writes.ts';

const REVOKED = 'Access revoked';

interface Revoked {
  agent_id: string;
  removed: number;
  revoked_count: number;
}

export function revokeAccessOperation(deps: Deps): OperationHandler<typeof revokeAccess> {
  return async ({ principal, params: { agent_id: id }, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<Revoked>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const grants = (await read.get(GRANT, operator_id, id)).state;
      const ids = Object.keys(grants.grants);
      const met = await livePassports(deps, operator_id, { agent_id: id });
      const by = `${principal.type}:${principal.id}`;
      const revoked = { kind: 'bulk_agent', target: id, reason: REVOKED, cascaded: met.descendants, count: met.own.length, by } as const;
      return {
        write: [
          ...removalWrites(operator_id, found.agent, ids, grants, []),
          { on: AGENT, operator_id, id, facts: [revokedDraft(revoked, { agent_id: id })] },
          revokedAgent(operator_id, id, REVOKED),
        ],
        value: { agent_id: id, removed: ids.length, revoked_count: met.own.length },
      };
    });
    if (decided.ok) {
      const { revoked_count } = decided.value;
      await tellAgentRevoked(deps, operator_id, decided, { agent_id: id, reason: REVOKED, revoked_count, cascaded_count: 0 });
    }
    return answerOf(revokeAccess, decided, (value) => value);
  };
}

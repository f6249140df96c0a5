/** `POST /v1/passports/revoke-agent/:agent_id` (api.md §11). `block_agent` also stops further passports. */
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentBlocked } from '@sallyport/contracts/facts/identity.ts';
import { target } from '@sallyport/contracts/target.ts';
import { revokeAgentPassports } from '@sallyport/contracts/operations/passports.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { bulkAnswer, type Bulk, nothingLeft } from '../bulk-revocation.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { livePassports } from '../projections/live-passports.ts';
import { cutting } from '../propagation.ts';
import { noAgent, readAgent } from '../reading.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from '../writes.ts';

export function revokeAgentOperation(deps: Deps): OperationHandler<typeof revokeAgentPassports> {
  return async ({ principal, params: { agent_id: id }, body, scope }) => {
    const { operator_id } = principal;
    const reason = body.reason || 'Revoked';
    const decided = await cutting(deps, operator_id, [target('agent', id.slice(0, 64))], () =>
      deps.ledger.decide<Bulk>(scope, async (read) => {
        const found = await readAgent(read.get, operator_id, id);
        if (!found) return { deny: noAgent(id) };
        const met = await livePassports(deps, operator_id, { agent_id: id });
        const blocks = body.block_agent === true && !found.agent.passport_blocked;
        if (nothingLeft(met, found.state.revocation) && !blocks) {
          const { reason: text, at_ms } = found.state.revocation;
          return { write: [], value: { reason: text, at: at_ms, revoked_count: 0, cascaded_count: 0, already_revoked: true } };
        }
        const by = `${principal.type}:${principal.id}`;
        const fact = revokedDraft(
          { kind: 'bulk_agent', target: id, reason, cascaded: met.descendants, count: met.own.length, by },
          { agent_id: id },
        );
        const facts: DraftFact[] = blocks ? [draft(agentBlocked, { reason, by: 'operator' }, { agent_id: id }), fact] : [fact];
        return {
          write: [
            { on: AGENT, operator_id, id, facts },
            ...(blocks ? [narrowedAgent(operator_id, id, 'agent blocked')] : []),
            revokedAgent(operator_id, id, reason),
          ],
          value: { reason, at: read.now, revoked_count: met.own.length, cascaded_count: met.descendants.length, already_revoked: false },
        };
      }),
    );
    return bulkAnswer(deps, revokeAgentPassports, operator_id, decided, { type: 'bulk_agent', agent_id: id });
  };
}

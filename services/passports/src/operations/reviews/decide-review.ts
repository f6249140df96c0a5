/**
 * `POST /v1/passports/reviews/:checkout_id/decide` (api.md §13). The decision changes the review, the agent and its passports in one batch. Later decisions are
 * appended: the last one counts, all are kept.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentBlocked, agentUnblocked, agentUpdated } from '@sallyport/contracts/facts/identity.ts';
import { reviewDecided } from '@sallyport/contracts/facts/reviews.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { decideReview } from '@sallyport/contracts/operations/reviews.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { announceBlock } from '../../consumers/reviews.ts';
import type { Deps } from '../../deps.ts';
import { AGENT, presentAgent } from '../../domain/agent.ts';
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import { REVIEW } from '../../domain/review.ts';
import { livePassports } from '../../projections/live-passports.ts';
import { propagation } from '../../propagation.ts';
import { readOperator } from '../../reading.ts';
import { reviewBlock, type Reviewing } from '../../reviewing.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from '../../writes.ts';
import { noReview } from './read-reviews.ts';

interface Decided {
  review_id: string;
  agent_id: string;
  decision: 'approved' | 'blocked' | 'confirmed';
  passport_blocked: boolean;
  revoked: Reviewing['revoked'];
}

const SUSPENDED = 'Agent suspended';

export function decideReviewOperation(deps: Deps): OperationHandler<typeof decideReview> {
  return async ({ principal, params: { checkout_id }, body, scope }) => {
    const { operator_id } = principal;
    const { decision } = body;
    const decided = await deps.ledger.decide<Decided>(scope, async (read) => {
      const found = isId('checkout', checkout_id) ? (await read.get(REVIEW, operator_id, checkout_id)).state : null;
      if (!found?.exists) return { deny: noReview(checkout_id) };
      const refusal = governanceDenial(principal, decision === 'approved' ? ['decision'] : [], await readOperator(read.get, operator_id));
      if (refusal) return { deny: refusal };

      const { review_id, agent_id, mission_id, jti, flags } = found;
      const { state } = await read.get(AGENT, operator_id, agent_id);
      // A deleted agent has nothing left to block or to lift.
      const agent = presentAgent(state);
      const facts: DraftFact[] = [];
      const suspends = body.block_future === true && agent !== null && agent.status !== 'suspended';
      const blocks = decision === 'blocked' && agent !== null;
      const unblocks = decision === 'approved' && agent !== null && state.blocked_review === review_id;
      // The decision of a person takes the block over from a mere warning.
      if (blocks && state.blocked_by !== 'operator' && state.blocked_by !== 'review') {
        facts.push(draft(agentBlocked, { reason: reviewBlock(flags), by: 'review', review_id }, { agent_id }));
      }
      if (unblocks) facts.push(draft(agentUnblocked, { comment: body.notes ?? null }, { agent_id }));
      if (suspends) facts.push(draft(agentUpdated, { changes: { status: 'suspended' } }, { agent_id }));

      const write: Write[] = [];
      let revoked: Reviewing['revoked'] = null;
      if (blocks || suspends) {
        const met = await livePassports(deps, operator_id, { agent_id });
        const reason = blocks ? reviewBlock(flags) : SUSPENDED;
        const by = `${principal.type}:${principal.id}`;
        facts.push(
          revokedDraft(
            { kind: 'bulk_agent', target: agent_id, reason, cascaded: met.descendants, count: met.own.length, by },
            { agent_id },
          ),
        );
        revoked = { reason, revoked_count: met.own.length, cascaded_count: met.descendants.length };
        write.push(revokedAgent(operator_id, agent_id, reason));
      }
      if (facts.length > 0)
        write.push({ on: AGENT, operator_id, id: agent_id, facts }, narrowedAgent(operator_id, agent_id, 'review decided'));
      const passport_blocked = agent === null ? false : blocks || (agent.passport_blocked && !unblocks);
      const told = {
        review_id,
        checkout_id,
        decision,
        notes: body.notes || null,
        block_future: body.block_future ?? false,
        passport_blocked,
        flags_seen: flags.map(({ type }) => type),
      };
      return {
        write: [{ on: REVIEW, operator_id, id: checkout_id, facts: [draft(reviewDecided, told, { agent_id, mission_id, jti })] }, ...write],
        value: { review_id, agent_id, decision, passport_blocked, revoked },
      };
    });
    if (decided.ok && decided.value.revoked) {
      await propagation(deps, decided);
      announceBlock(deps, operator_id, decided.value.agent_id, decided.value.revoked);
    }
    return answerOf(decideReview, decided, ({ revoked: _revoked, ...value }) => value);
  };
}

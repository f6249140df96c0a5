/** `POST /v1/agents/:id/enrollment-challenge` (api.md §5.2). */
import { randomBytes } from 'node:crypto';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentChallenged } from '@sallyport/contracts/facts/identity.ts';
import { enrolmentChallenge } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { reachRefusal } from '../../allowed-connections.ts';
import type { Deps } from '../../deps.ts';
import { AGENT } from '../../domain/agent.ts';
import { CHALLENGE_LIFE_MS, challengeRefusal } from '../../domain/enrolment.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { noAgent, readAgent } from '../../reading.ts';
import { askerOf, ticketRefusal, ticketWrites } from '../../ticketing.ts';

interface Challenged {
  challenge_id: string;
  challenge: string;
  expires_at: string;
}

export function challengeAgentOperation(deps: Deps): OperationHandler<typeof enrolmentChallenge> {
  return async ({ call, principal, params: { id }, scope }) => {
    const { operator_id } = principal;
    const by = askerOf(deps, call.bearer, principal);
    const decided = await deps.ledger.decide<Challenged>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const refusal =
        (await ticketRefusal(read, by, id, { challenge_id: null })) ??
        challengeRefusal(found.state, read.now) ??
        (await reachRefusal(deps, read, principal, found.agent));
      if (refusal) return { deny: refusal };
      const challenge_id = newId('challenge', read.now);
      const challenge = randomBytes(32).toString('base64url');
      const expires_at_ms = read.now + CHALLENGE_LIFE_MS;
      const fact = draft(agentChallenged, { challenge_id, challenge, expires_at_ms, principal: by.asker }, { agent_id: id });
      return {
        write: [{ on: AGENT, operator_id, id, facts: [fact] }, ...ticketWrites(by, id, challenge_id, 'challenged')],
        value: { challenge_id, challenge, expires_at: iso(expires_at_ms) },
      };
    });
    return answerOf(enrolmentChallenge, decided, (value) => value);
  };
}

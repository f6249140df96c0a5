/**
 * `POST /v1/agents/:id/enroll` (api.md §5.2). A new key replaces the old one at once and revokes the agent's live passports. That a thumbprint is one agent's is
 * settled by the log: its record joins the batch with the sequence that was read.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentEnrolled, thumbprintFreed, thumbprintTaken } from '@sallyport/contracts/facts/identity.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import { enrolAgent } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { reachRefusal } from '../../allowed-connections.ts';
import type { Deps } from '../../deps.ts';
import { AGENT } from '../../domain/agent.ts';
import { decideEnrolment, keyInUse } from '../../domain/enrolment.ts';
import { suspendedDenial } from '../../domain/issue.ts';
import { THUMBPRINT } from '../../domain/thumbprint.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { livePassports } from '../../projections/live-passports.ts';
import { tellAgentRevoked } from '../../propagation.ts';
import { noAgent, readAgent } from '../../reading.ts';
import { askerOf, ticketRefusal, ticketWrites } from '../../ticketing.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from '../../writes.ts';

const ROTATED = 'Agent key rotated';

interface EnrolledAnswer {
  agent: Agent;
  kid: string;
  enrolled_at: string;
  rotated: boolean;
  revoked_count: number;
}

export function enrolAgentOperation(deps: Deps): OperationHandler<typeof enrolAgent> {
  return async ({ call, principal, params: { id }, body, scope }) => {
    const { operator_id } = principal;
    const by = askerOf(deps, call.bearer, principal);
    const decided = await deps.ledger.decide<EnrolledAnswer>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      if (found.agent.status === 'suspended') return { deny: suspendedDenial() };
      const refusal =
        (await ticketRefusal(read, by, id, { challenge_id: body.challenge_id })) ??
        (await reachRefusal(deps, read, principal, found.agent));
      if (refusal) return { deny: refusal };
      const enrolled = decideEnrolment(found.state, body, by.asker, read.now);
      if (!enrolled.ok) return { deny: enrolled.denial };
      const { thumbprint, jwk } = enrolled;
      const old = found.agent.key_thumbprint;
      const holder = (await read.get(THUMBPRINT, PLATFORM, thumbprint)).state.agent_id;
      if (holder !== null && holder !== id) return { deny: keyInUse() };

      const rotated = old !== null;
      const facts: DraftFact[] = [
        draft(agentEnrolled, { public_key: jwk, key_thumbprint: thumbprint, challenge_id: body.challenge_id, rotated }, { agent_id: id }),
      ];
      const write: Write[] = [{ on: AGENT, operator_id, id, facts }, ...ticketWrites(by, id, body.challenge_id, 'used')];
      if (holder === null) write.push(thumbprintWrite(thumbprint, id, true));
      if (old !== null && old !== thumbprint) {
        await read.get(THUMBPRINT, PLATFORM, old);
        write.push(thumbprintWrite(old, id, false));
      }
      const met = rotated ? await livePassports(deps, operator_id, { agent_id: id }) : { own: [], descendants: [] };
      write.push(narrowedAgent(operator_id, id, 'key enrolled'));
      if (rotated) {
        const revoked = {
          kind: 'bulk_agent',
          target: id,
          reason: ROTATED,
          cascaded: met.descendants,
          count: met.own.length,
          by: `${principal.type}:${principal.id}`,
        } as const;
        facts.push(revokedDraft(revoked, { agent_id: id }));
        write.push(revokedAgent(operator_id, id, ROTATED));
      }
      const at = iso(read.now);
      const agent = { ...found.agent, public_key: jwk, key_thumbprint: thumbprint, enrolled_at: at, updated_at: at };
      return { write, value: { agent, kid: thumbprint, enrolled_at: at, rotated, revoked_count: met.own.length } };
    });
    if (decided.ok && decided.value.rotated) {
      const { revoked_count } = decided.value;
      await tellAgentRevoked(deps, operator_id, decided, { agent_id: id, reason: ROTATED, revoked_count, cascaded_count: 0 });
    }
    return answerOf(enrolAgent, decided, (value) => value);
  };
}

function thumbprintWrite(key_thumbprint: string, agentId: string, taken: boolean): Write {
  const fact = draft(taken ? thumbprintTaken : thumbprintFreed, { key_thumbprint }, { agent_id: agentId });
  return { on: THUMBPRINT, operator_id: PLATFORM, id: key_thumbprint, facts: [fact] };
}

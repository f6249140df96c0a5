/**
 * A signed-in person's answer to a process that wants to enrol an agent (api.md §5.2). A yes makes a ticket, which is seen once, in this answer; the ledger
 * holds its HMAC. A crash after the decision leaves a ticket that nobody has, and that dies in five minutes.
 */
import { randomBytes } from 'node:crypto';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { enrolmentApproved, enrolmentDenied, ticketIssued } from '@sallyport/contracts/facts/enrolment.ts';
import type { approveEnrolment, denyEnrolment } from '@sallyport/contracts/operations/enrolment.ts';
import { makeTicket, TICKET_LIFE_MS, ticketHash } from '@sallyport/contracts/ticket.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { reachRefusal } from '../../allowed-connections.ts';
import type { Deps } from '../../deps.ts';
import { AGENT } from '../../domain/agent.ts';
import { suspendedDenial } from '../../domain/issue.ts';
import { TICKET } from '../../domain/ticket.ts';
import { noAgent, readAgent } from '../../reading.ts';
import { sessionOnly } from '../../sign-in/session-only.ts';

export function approveEnrolmentOperation(deps: Deps): OperationHandler<typeof approveEnrolment> {
  return async ({ operation, principal, body: { agent_id: id, ...asking }, scope }) => {
    const { operator_id, id: member_id } = principal;
    const ticket = makeTicket(randomBytes(32));
    const hmac = deps.keys.hmac(ticketHash(ticket));
    const decided = await deps.ledger.decide<number>(scope, async (read) => {
      const refused = sessionOnly(principal);
      if (refused) return { deny: refused };
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      if (found.agent.status === 'suspended') return { deny: suspendedDenial() };
      const beyond = await reachRefusal(deps, read, principal, found.agent);
      if (beyond) return { deny: beyond };
      await read.get(TICKET, PLATFORM, hmac);
      const expires_at_ms = read.now + TICKET_LIFE_MS;
      const replaces_key = found.agent.key_thumbprint !== null;
      const approved = draft(enrolmentApproved, { member_id, expires_at_ms, replaces_key, ...asking }, { agent_id: id });
      const issued = draft(ticketIssued, { operator_id, agent_id: id, member_id, expires_at_ms }, { agent_id: id });
      return {
        write: [
          { on: AGENT, operator_id, id, facts: [approved] },
          { on: TICKET, operator_id: PLATFORM, id: hmac, facts: [issued] },
        ],
        value: expires_at_ms,
      };
    });
    return answerOf(operation, decided, (expiresAt) => ({ ticket, agent_id: id, expires_at: iso(expiresAt) }));
  };
}

export function denyEnrolmentOperation(deps: Deps): OperationHandler<typeof denyEnrolment> {
  return async ({ operation, principal, body: { agent_id: id, ...asking }, scope }) => {
    const { operator_id, id: member_id } = principal;
    const decided = await deps.ledger.decide<boolean>(scope, async (read) => {
      const refused = sessionOnly(principal);
      if (refused) return { deny: refused };
      if (!(await readAgent(read.get, operator_id, id))) return { deny: noAgent(id) };
      const fact = draft(enrolmentDenied, { member_id, ...asking }, { agent_id: id });
      return { write: [{ on: AGENT, operator_id, id, facts: [fact] }], value: true };
    });
    return answerOf(operation, decided, (denied) => ({ denied }));
  };
}

/**
 * An enrolment ticket (api.md §5.2): one challenge, then one enrolment with that challenge, of one agent, within five minutes. Kept under its HMAC; its
 * facts join the batch of the step that they allow, so that each step happens once however many try. Pure.
 */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { ticketChallenged, ticketIssued, ticketUsed } from '@sallyport/contracts/facts/enrolment.ts';

export interface TicketState {
  issued: { operator_id: string; agent_id: string; member_id: string; expires_at_ms: number } | null;
  /** The challenge that was asked for with it. */
  challenge_id: string | null;
  used: boolean;
}

/** On a `unique` subject of the platform, read and written like an aggregate. */
export const TICKET = {
  kind: 'unique',
  initial: (): TicketState => ({ issued: null, challenge_id: null, used: false }),
  evolve: evolveTicket,
};

export function evolveTicket(state: TicketState, fact: Fact): TicketState {
  const issued = dataOf(ticketIssued, fact);
  if (issued) return { issued, challenge_id: null, used: false };
  const challenged = dataOf(ticketChallenged, fact);
  if (challenged) return { ...state, challenge_id: challenged.challenge_id };
  return dataOf(ticketUsed, fact) ? { ...state, used: true } : state;
}

export type Ticket = NonNullable<TicketState['issued']>;

/** The ticket while it may still enrol; an unknown, a used and an expired one are told apart by nobody. */
export function liveTicket(state: TicketState, nowMs: number): Ticket | null {
  const { issued, used } = state;
  return issued && !used && nowMs < issued.expires_at_ms ? issued : null;
}

/** `step`: the challenge that is asked for (null), or the one that an enrolment answers. */
export function ticketAllows(state: TicketState, agentId: string, step: { challenge_id: string | null }, nowMs: number): boolean {
  const ticket = liveTicket(state, nowMs);
  return ticket !== null && ticket.agent_id === agentId && state.challenge_id === step.challenge_id;
}

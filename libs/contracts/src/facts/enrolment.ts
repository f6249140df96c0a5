/**
 * Facts about people's consent to an enrolment (api.md §5.2); written by `passports`. The ticket itself is never in a fact: its record stands
 * under its HMAC.
 */
import { Type } from 'typebox';
import { factType } from '../fact.ts';

/** What the asking process says of itself; shown to the person, proven by nobody. */
const asking = { machine: Type.String(), process: Type.String() };

export const enrolmentApproved = factType(
  'agent.enrolment_approved',
  1,
  Type.Object({ member_id: Type.String(), expires_at_ms: Type.Integer(), replaces_key: Type.Boolean(), ...asking }),
);
export const enrolmentDenied = factType('agent.enrolment_denied', 1, Type.Object({ member_id: Type.String(), ...asking }));

/** On `unique.<HMAC of the ticket>`: whose it is. */
export const ticketIssued = factType(
  'ticket.issued',
  1,
  Type.Object({ operator_id: Type.String(), agent_id: Type.String(), member_id: Type.String(), expires_at_ms: Type.Integer() }),
);
/** The one challenge that the ticket was good for. */
export const ticketChallenged = factType('ticket.challenged', 1, Type.Object({ challenge_id: Type.String() }));
export const ticketUsed = factType('ticket.used', 1, Type.Object({ challenge_id: Type.String() }));

/** Enrolment tickets of calls: whose they are, and their part in the decision that they allow. */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import type { Bearer } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { ticketChallenged, ticketUsed } from '@sallyport/contracts/facts/enrolment.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { Deps } from './deps.ts';
import { liveTicket, TICKET, ticketAllows } from './domain/ticket.ts';
import { memberPrincipal } from './members.ts';
import { noAgent } from './reading.ts';
import { readActiveMember } from './sign-in/members.ts';

/** The member who approved it, as they are now; null for a ticket that is unknown, used up or expired, and when the member is gone. */
export async function resolveTicket(
  { ledger, keys, clock }: Pick<Deps, 'ledger' | 'keys' | 'clock'>,
  sha256: string,
): Promise<Principal | null> {
  const ticket = liveTicket((await ledger.load(TICKET, PLATFORM, keys.hmac(sha256))).state, clock.now());
  const member = ticket && (await readActiveMember(ledger.load, ticket.operator_id, ticket.member_id));
  return member && memberPrincipal(member, 'ticket', null);
}

export interface Asker {
  /** Whom a challenge is bound to: the ticket itself where one is used, else the principal. */
  asker: string;
  hmac: string | null;
}

export function askerOf(deps: Pick<Deps, 'keys'>, bearer: Bearer, principal: Principal): Asker {
  if (bearer.kind !== 'ticket') return { asker: `${principal.type}:${principal.id}`, hmac: null };
  const hmac = deps.keys.hmac(bearer.sha256);
  return { asker: `ticket:${hmac}`, hmac };
}

/** Refuses a ticket of another agent, and one whose step was done. Read in the decision, so that its record is expected as it was read. */
export async function ticketRefusal(
  read: Pick<Reader, 'get' | 'now'>,
  { hmac }: Asker,
  agentId: string,
  step: { challenge_id: string | null },
): Promise<Denial | null> {
  if (hmac === null) return null;
  const { state } = await read.get(TICKET, PLATFORM, hmac);
  if (ticketAllows(state, agentId, step, read.now)) return null;
  return state.issued?.agent_id === agentId ? ticketSpent() : noAgent(agentId);
}

function ticketSpent(): Denial {
  return denial('UNAUTHORIZED', 'The ticket was used or has expired.', { reason: 'expired' });
}

/** Nothing where no ticket is used. */
export function ticketWrites({ hmac }: Asker, agent_id: string, challenge_id: string, step: 'challenged' | 'used'): Write[] {
  if (hmac === null) return [];
  const fact = draft(step === 'used' ? ticketUsed : ticketChallenged, { challenge_id }, { agent_id });
  return [{ on: TICKET, operator_id: PLATFORM, id: hmac, facts: [fact] }];
}

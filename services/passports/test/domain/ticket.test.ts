import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { isTicket, makeTicket, ticketHash } from '@sallyport/contracts/ticket.ts';
import { evolveTicket, liveTicket, TICKET, type TicketState, ticketAllows } from '../../src/domain/ticket.ts';

const AGENT = 'agt_01kt16jnjge4ma4jz41b93y214';
const OTHER = 'agt_01kt16jnjge4ma4jz41b93y215';
const END = 1_000_000;

function ticket(...facts: [type: string, data: Record<string, unknown>][]): TicketState {
  const given: [string, Record<string, unknown>][] = [
    ['ticket.issued', { operator_id: 'op_1', agent_id: AGENT, member_id: 'mem_1', expires_at_ms: END }],
    ...facts,
  ];
  const fact = ([type, data]: [string, Record<string, unknown>]): Fact => ({
    id: 'evt_1',
    type,
    v: 1,
    at: 0,
    operator_id: '-',
    actor: { type: 'member', id: 'mem_1' },
    data,
  });
  return given.map(fact).reduce(evolveTicket, TICKET.initial());
}

test('given a new ticket, then it is good for one challenge of its agent and for nothing else', () => {
  assert.equal(ticketAllows(ticket(), AGENT, { challenge_id: null }, END - 1), true);
  assert.equal(ticketAllows(ticket(), OTHER, { challenge_id: null }, END - 1), false);
  assert.equal(ticketAllows(ticket(), AGENT, { challenge_id: 'ach_1' }, END - 1), false);
});

test('given a ticket with its challenge, then it enrols with that one and asks for no other', () => {
  const challenged = ticket(['ticket.challenged', { challenge_id: 'ach_1' }]);
  assert.equal(ticketAllows(challenged, AGENT, { challenge_id: 'ach_1' }, END - 1), true);
  assert.equal(ticketAllows(challenged, AGENT, { challenge_id: 'ach_2' }, END - 1), false);
  assert.equal(ticketAllows(challenged, OTHER, { challenge_id: 'ach_1' }, END - 1), false);
  assert.equal(ticketAllows(challenged, AGENT, { challenge_id: null }, END - 1), false);
});

test('given a ticket that enrolled, or whose five minutes are over, or that nobody issued, then it is dead', () => {
  const used = ticket(['ticket.challenged', { challenge_id: 'ach_1' }], ['ticket.used', { challenge_id: 'ach_1' }]);
  assert.equal(liveTicket(used, 0), null);
  assert.equal(ticketAllows(used, AGENT, { challenge_id: 'ach_1' }, 0), false);
  assert.equal(liveTicket(ticket(), END), null);
  assert.equal(liveTicket(TICKET.initial(), 0), null);
});

test('a ticket has 256 random bits and travels as its hash', () => {
  const text = makeTicket(new Uint8Array(32).fill(255));
  assert.match(text, /^tkt_[0-9a-hjkmnp-tv-z]{52}$/);
  assert.equal(isTicket(text), true);
  for (const bad of ['tkt_', `${text}0`, text.toUpperCase(), `${text.slice(0, -1)}u`, ` ${text}`]) assert.equal(isTicket(bad), false);
  assert.match(ticketHash(text), /^[0-9a-f]{64}$/);
});

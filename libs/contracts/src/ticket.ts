/**
 * Enrolment tickets (api.md §3.1, §5.2): `tkt_` and 52 base32 characters of 256 random bits. A ticket travels over the bus as its SHA-256
 * alone, as keys do. Pure.
 */
import { hash } from 'node:crypto';
import { base32 } from './ids.ts';

export const TICKET_LIFE_MS = 300_000;

const FORM = /^tkt_[0-9a-hjkmnp-tv-z]{52}$/;

/** `random`: 32 bytes. */
export function makeTicket(random: Uint8Array): string {
  if (random.length !== 32) throw new RangeError('a ticket has 256 random bits');
  return `tkt_${base32(random)}`;
}

/** Says nothing about whether the ticket was ever issued. */
export function isTicket(text: string): boolean {
  return FORM.test(text);
}

/** Lower-case hex SHA-256 of the whole text. */
export function ticketHash(text: string): string {
  return hash('sha256', text, 'hex');
}

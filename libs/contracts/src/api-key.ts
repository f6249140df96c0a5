/**
 * Operator and member keys (api.md §3.1): `sk_live_op_` or `sk_live_mem_`, 52 base32 characters of 256 random bits and 7 of the CRC-32 of
 * everything before them. The checksum tells a mistyped key from an unknown one without asking anybody. Pure.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { base32 } from './ids.ts';

export type KeyOwner = 'operator' | 'member';

const PREFIX = { operator: 'sk_live_op_', member: 'sk_live_mem_' } as const;
const FORM = /^sk_live_(op|mem)_[0-9a-hjkmnp-tv-z]{59}$/;
const CHECKSUM_CHARACTERS = 7;

/** `random`: 32 bytes. */
export function makeApiKey(owner: KeyOwner, random: Uint8Array): string {
  if (random.length !== 32) throw new RangeError('a key has 256 random bits');
  const text = PREFIX[owner] + base32(random);
  return text + checksum(text);
}

/** Whose a well-formed key with the right checksum is, or null. Says nothing about whether the key exists. */
export function apiKeyOwner(text: string): KeyOwner | null {
  const form = FORM.exec(text);
  if (!form) return null;
  if (checksum(text.slice(0, -CHECKSUM_CHARACTERS)) !== text.slice(-CHECKSUM_CHARACTERS)) return null;
  return form[1] === 'op' ? 'operator' : 'member';
}

/** What travels in place of a key: lower-case hex SHA-256 of its whole text. */
export function apiKeyHash(text: string): string {
  return hash('sha256', text, 'hex');
}

function checksum(text: string): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, crc32(text));
  return base32(bytes);
}

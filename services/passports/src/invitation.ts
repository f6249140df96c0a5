/** The token of an invitation (api.md §17): `inv_` and 52 base32 characters of 256 random bits. Pure. */
import { hash } from 'node:crypto';
import { base32 } from '@sallyport/contracts/ids.ts';

/** `random`: 32 bytes. */
export function makeInvite(random: Uint8Array): string {
  if (random.length !== 32) throw new RangeError('an invitation has 256 random bits');
  return `inv_${base32(random)}`;
}

/** What its HMAC is made of: lower-case hex SHA-256. */
export function inviteHash(token: string): string {
  return hash('sha256', token, 'hex');
}

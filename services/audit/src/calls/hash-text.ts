/** Hashes of entries as they stand in tables and go over the bus: base64url. */
import { type Hash, hashOf } from '@sallyport/admission/entry.ts';

export function hashText(hash: Hash): string {
  return Buffer.from(hash, 'latin1').toString('base64url');
}

export function hashFrom(text: string): Hash {
  return hashOf(Buffer.from(text, 'base64url'));
}

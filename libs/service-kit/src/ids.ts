/** Ids with real randomness; the pure half is in the contract. */
import { randomBytes } from 'node:crypto';
import { type Id, type IdKind, makeId } from '@sallyport/contracts/ids.ts';

/** `nowMs`: the ledger's clock where the id orders things, else any. */
export function newId<K extends IdKind>(kind: K, nowMs: number): Id<K> {
  return makeId(kind, nowMs, randomBytes(10));
}

/** Ids with real randomness; the pure half is in the contract. */
import { randomFillSync } from 'node:crypto';
import { type Id, type IdKind, makeId } from '@sallyport/contracts/ids.ts';

const RANDOM_BYTES = 10;
const pool = new Uint8Array(RANDOM_BYTES * 400);
let used = pool.length;

/** From a pool: one call into the kernel for 400 ids. No byte is given out twice. */
function random(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return pool.subarray(used - RANDOM_BYTES, used);
}

/** `nowMs`: the ledger's clock where the id orders things, else any. */
export function newId<K extends IdKind>(kind: K, nowMs: number): Id<K> {
  return makeId(kind, nowMs, random());
}

/**
 * A table from hashes to a few bytes each: open addressing over flat arrays, so that a hundred thousand hashes cost their bytes and nothing more.
 * Keys are never removed; a value may say that its key counts for nothing.
 */
import { HASH_BYTES, type Hash } from './entry.ts';

const FIRST_SLOTS = 8;
const MOST_TAKEN = 3 / 4;
/** Small steps: a table is half full at its emptiest. */
const GROWTH = 3 / 2;
const HASHES = 2 ** 32;

export class HashTable {
  readonly #valueBytes: number;
  #slots = FIRST_SLOTS;
  #keys = new Uint8Array(FIRST_SLOTS * HASH_BYTES);
  #taken = new Uint8Array(FIRST_SLOTS);
  #values: DataView<ArrayBuffer>;
  #size = 0;

  constructor(valueBytes: number) {
    this.#valueBytes = valueBytes;
    this.#values = new DataView(new ArrayBuffer(FIRST_SLOTS * valueBytes));
  }

  get size(): number {
    return this.#size;
  }

  /** Changes with every `put`. */
  get values(): DataView<ArrayBuffer> {
    return this.#values;
  }

  /** Bytes that the arrays hold. */
  get bytes(): number {
    return this.#keys.length + this.#taken.length + this.#values.byteLength;
  }

  /** Offset of the key's value in `values`, or -1. */
  find(key: Hash): number {
    if (this.#size === 0) return -1;
    const slot = this.#slotOf(key);
    return this.#taken[slot] === 1 ? slot * this.#valueBytes : -1;
  }

  /** Offset of the key's value in `values`; that of a new key is all zero. */
  put(key: Hash): number {
    if (this.#size + 1 > this.#slots * MOST_TAKEN) this.#grow();
    const slot = this.#slotOf(key);
    if (this.#taken[slot] === 0) {
      this.#taken[slot] = 1;
      this.#size++;
      const at = slot * HASH_BYTES;
      for (let i = 0; i < HASH_BYTES; i++) this.#keys[at + i] = key.charCodeAt(i);
    }
    return slot * this.#valueBytes;
  }

  forEach(visit: (key: Hash, offset: number) => void): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#taken[slot] === 1) visit(this.#keyAt(slot), slot * this.#valueBytes);
    }
  }

  /** The slot of the key, or the free one where it belongs. */
  #slotOf(key: Hash): number {
    // A hash is uniform already: its first bytes are its place.
    const first = (key.charCodeAt(0) | (key.charCodeAt(1) << 8) | (key.charCodeAt(2) << 16) | (key.charCodeAt(3) << 24)) >>> 0;
    let slot = placeOf(first, this.#slots);
    while (this.#taken[slot] === 1 && !this.#isAt(slot, key)) slot = slot + 1 === this.#slots ? 0 : slot + 1;
    return slot;
  }

  #isAt(slot: number, key: Hash): boolean {
    const at = slot * HASH_BYTES;
    for (let i = 0; i < HASH_BYTES; i++) if (this.#keys[at + i] !== key.charCodeAt(i)) return false;
    return true;
  }

  #keyAt(slot: number): Hash {
    return String.fromCharCode(...this.#keys.subarray(slot * HASH_BYTES, (slot + 1) * HASH_BYTES));
  }

  #grow(): void {
    const before = { slots: this.#slots, keys: this.#keys, taken: this.#taken, values: this.#values };
    this.#slots = Math.ceil(this.#slots * GROWTH);
    this.#keys = new Uint8Array(this.#slots * HASH_BYTES);
    this.#taken = new Uint8Array(this.#slots);
    this.#values = new DataView(new ArrayBuffer(this.#slots * this.#valueBytes));
    const from = new Uint8Array(before.values.buffer);
    const firstOf = new DataView(before.keys.buffer);
    const to = new Uint8Array(this.#values.buffer);
    for (let old = 0; old < before.slots; old++) {
      if (before.taken[old] === 0) continue;
      const key = before.keys.subarray(old * HASH_BYTES, (old + 1) * HASH_BYTES);
      let slot = placeOf(firstOf.getUint32(old * HASH_BYTES, true), this.#slots);
      while (this.#taken[slot] === 1) slot = slot + 1 === this.#slots ? 0 : slot + 1;
      this.#taken[slot] = 1;
      this.#keys.set(key, slot * HASH_BYTES);
      to.set(from.subarray(old * this.#valueBytes, (old + 1) * this.#valueBytes), slot * this.#valueBytes);
    }
  }
}

/** In proportion, so that any number of slots will do. */
function placeOf(first: number, slots: number): number {
  return Math.floor((first / HASHES) * slots);
}

/**
 * Attempts of the window that rules 3 to 5 may be asked about later, for missions that nobody here judges yet: what those rules read of them, in flat
 * memory, found by family. Holds only attempts that rules 0 to 2 admit.
 */
import { type Cap, HASH_BYTES, type Hash } from './entry.ts';
import { createGenerations } from './generations.ts';
import { HashTable } from './hash-table.ts';
import { familyOf, type TableEntry } from './rules.ts';

export interface KeptAttempt extends TableEntry {
  seq: number;
  index: number;
}

export interface KeptAttempts {
  keep(entry: TableEntry, at: { seq: number; index: number; ts_ms: number }): void;
  /** Those of the family after this sequence, in the order of the log. */
  of(family: Hash, afterSeq: number): KeptAttempt[];
  /** Attempts up to here may be forgotten. */
  dropped(): number;
  /** Bytes held. */
  bytes(): number;
}

const CHUNK_BYTES = 256 * 1024;
/** Five missions, ten caps and all optional parts. */
const MAX_RECORD_BYTES = 18 + HASH_BYTES * (1 + 2 + 1 + 1 + 5) + 10 * 5;

interface Part {
  chunks: Buffer[];
  /** Bytes used of the last chunk. */
  used: number;
  /** By family: place of its last record, plus one. */
  heads: HashTable;
}

export function createKeptAttempts(windowMs: number): KeptAttempts {
  const parts = createGenerations<Part>(windowMs, () => ({ chunks: [], used: 0, heads: new HashTable(4) }));

  return {
    keep: (entry, at) => {
      const part = parts.newest(at.ts_ms, at.seq);
      const chunk = roomIn(part);
      const head = part.heads.put(familyOf(entry));
      const previous = part.heads.values.getUint32(head);
      part.heads.values.setUint32(head, (part.chunks.length - 1) * CHUNK_BYTES + part.used + 1);
      part.used = write(chunk, part.used, previous, entry, at);
    },
    of: (family, afterSeq) => {
      const found: KeptAttempt[] = [];
      for (const { chunks, heads } of parts.all()) {
        const head = heads.find(family);
        for (let place = head < 0 ? 0 : heads.values.getUint32(head); place > 0; ) {
          const chunk = chunks[Math.floor((place - 1) / CHUNK_BYTES)];
          if (!chunk) break;
          const { attempt, previous } = read(chunk, (place - 1) % CHUNK_BYTES);
          if (attempt.seq <= afterSeq) return found.reverse();
          found.push(attempt);
          place = previous;
        }
      }
      return found.reverse();
    },
    dropped: parts.dropped,
    bytes: () => parts.all().reduce((sum, { chunks, heads }) => sum + chunks.length * CHUNK_BYTES + heads.bytes, 0),
  };
}

/** The last chunk, with room for one record. */
function roomIn(part: Part): Buffer {
  const last = part.chunks.at(-1);
  if (last && part.used + MAX_RECORD_BYTES <= CHUNK_BYTES) return last;
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  part.chunks.push(chunk);
  part.used = 0;
  return chunk;
}

function write(to: Buffer, start: number, previous: number, entry: TableEntry, { seq, index }: { seq: number; index: number }): number {
  const { operation, approval, missions, caps } = entry;
  let at = to.writeUInt32BE(previous, start);
  at = to.writeDoubleBE(seq, at);
  at = to.writeUInt16BE(index, at);
  at = to.writeUInt8((operation ? 1 : 0) | (approval === undefined ? 0 : 2), at);
  at = to.writeUInt8(missions.length, at);
  at = to.writeUInt8(caps.length, at);
  const hashes = [entry.id, entry.service, ...missions, ...(operation ? [operation.id, operation.digest] : [])];
  if (approval !== undefined) hashes.push(approval);
  for (const hash of hashes) at += to.write(hash, at, 'latin1');
  for (const cap of caps) {
    at = to.writeUInt8((cap.mission << 4) | (cap.kind === 'actions' ? 0 : 2) | (cap.behaviour === 'deny' ? 0 : 1), at);
    at = to.writeUInt32BE(cap.limit, at);
  }
  return at;
}

function read(from: Buffer, start: number): { attempt: KeptAttempt; previous: number } {
  let at = start + 17;
  const hash = (): Hash => {
    at += HASH_BYTES;
    return from.toString('latin1', at - HASH_BYTES, at);
  };
  const flags = from.readUInt8(start + 14);
  const id = hash();
  const service = hash();
  const missions = Array.from({ length: from.readUInt8(start + 15) }, hash);
  const operation = (flags & 1) === 0 ? {} : { operation: { id: hash(), digest: hash() } };
  const approval = (flags & 2) === 0 ? {} : { approval: hash() };
  const caps = Array.from({ length: from.readUInt8(start + 16) }, (): Cap => {
    const what = from.readUInt8(at);
    const limit = from.readUInt32BE(at + 1);
    at += 5;
    return {
      mission: what >> 4,
      kind: (what & 2) === 0 ? 'actions' : 'actions_per_service',
      behaviour: (what & 1) === 0 ? 'deny' : 'flag',
      limit,
    };
  });
  const place = { seq: from.readDoubleBE(start + 4), index: from.readUInt16BE(start + 12) };
  return { attempt: { ...place, id, service, missions, caps, ...operation, ...approval }, previous: from.readUInt32BE(start) };
}

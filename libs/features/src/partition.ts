/** Which of the 64 virtual partitions a session or an agent belongs to (detectors.md §1.8, vectors B.1). */

export const PARTITIONS = 64;

/** FNV-1a, 32 bits, over the UTF-8 bytes. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** 0..63, of a session id or an agent id. */
export function partitionOf(id: string): number {
  return fnv1a32(id) % PARTITIONS;
}

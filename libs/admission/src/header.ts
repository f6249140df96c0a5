/** The header `Sp-Entries`: base64 of entries, each behind its length (two bytes). Entry i belongs to fact i of the message. */
import { decodeEntryAt, type Entry } from './entry.ts';

export const ENTRIES_HEADER = 'Sp-Entries';

export function joinEntries(entries: readonly Uint8Array[]): string {
  let length = 0;
  for (const entry of entries) length += 2 + entry.length;
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for (const entry of entries) {
    at = all.writeUInt16BE(entry.length, at);
    all.set(entry, at);
    at += entry.length;
  }
  return all.toString('base64');
}

/** Throws RangeError for a header that this codec did not write. */
export function decodeEntries(header: string): Entry[] {
  const all = Buffer.from(header, 'base64').toString('latin1');
  const entries: Entry[] = [];
  for (let at = 0; at < all.length; ) {
    const start = at + 2;
    const end = start + all.charCodeAt(at) * 256 + all.charCodeAt(at + 1);
    if (!(end <= all.length)) throw new RangeError('the header ends early');
    entries.push(decodeEntryAt(all, start, end));
    at = end;
  }
  return entries;
}

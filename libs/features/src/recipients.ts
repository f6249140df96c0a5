/**
 * Addresses that a mail call would write to: from JSON fields, and from the headers of a raw MIME message (RFC 5322), which Gmail takes.
 */
import { type FeatureView, member, members, stringsIn } from './view.ts';

const RECIPIENT_KEYS: ReadonlySet<string> = new Set(['to', 'cc', 'bcc', 'recipients', 'torecipients', 'ccrecipients', 'bccrecipients']);
const ADDRESS = /[^\s<>,;:"'()[\]\\@]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?/g;
const MAX_HEADER_LENGTH = 65_536;

/** The distinct addresses in a text, lower case. */
export function addressesIn(text: string): string[] {
  return [...new Set([...text.matchAll(ADDRESS)].map(([address]) => address.toLowerCase()))];
}

/** The distinct recipients of a call, lower case. */
export function recipientsOf(view: Pick<FeatureView, 'body'>): string[] {
  const found: string[] = [];
  for (const [key, value] of members(view.body)) {
    if (RECIPIENT_KEYS.has(key.toLowerCase())) found.push(...stringsIn(value).flatMap((text) => addressesIn(text)));
  }
  for (const holder of [view.body, member(view.body, 'message')]) {
    const raw = member(holder, 'raw');
    if (typeof raw === 'string') found.push(...recipientsOfMime(raw));
  }
  return [...new Set(found)];
}

/** The recipients of a MIME message in base64 or base64url. */
function recipientsOfMime(raw: string): string[] {
  const text = Buffer.from(raw.slice(0, MAX_HEADER_LENGTH * 2), 'base64')
    .toString('utf8')
    .slice(0, MAX_HEADER_LENGTH);
  const [headers = ''] = text.split(/\r?\n\r?\n/, 1);
  const unfolded = headers.replace(/\r?\n[ \t]+/g, ' ');
  return unfolded.split(/\r?\n/).flatMap((line) => {
    const value = /^(?:resent-)?(?:to|cc|bcc)[ \t]*:(.*)$/i.exec(line)?.[1];
    return value === undefined ? [] : addressesIn(value);
  });
}

/** Limits that hold for every request, checked before its body is read (api.md §1.8). Pure. */
import { type Denial, denial, invalid } from '@sallyport/contracts/errors.ts';
import { MAX_TOKEN_LENGTH } from '@sallyport/passport-verify/token.ts';

export const MAX_URL = 8_192;
const MAX_HEADERS = 64;
const MAX_HEADER_BYTES = 8_192;
const MAX_QUERY_KEYS = 128;
/** Tokens have limits of their own. */
const TOKEN_HEADERS: ReadonlySet<string> = new Set(['x-passport-token', 'authorization', 'x-agent-token', 'x-api-key']);

/** Of two, one server would take the first and another the last (RFC 9112 §3.2 for `Host`). */
const SINGLE_HEADERS: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'content-encoding', 'origin']);

/** `raw`: names and values in turn, as they came. */
export function checkLimits(
  url: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  raw: readonly string[],
): Denial | null {
  if (url.length > MAX_URL) return denial('PAYLOAD_TOO_LARGE', `A URL has at most ${MAX_URL} characters.`);
  if (raw.length > 2 * MAX_HEADERS) return denial('PAYLOAD_TOO_LARGE', `A request has at most ${MAX_HEADERS} headers.`);
  const seen = new Set<string>();
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at + 1] ?? '';
    const name = (raw[at] ?? '').toLowerCase();
    if (SINGLE_HEADERS.has(name) && seen.size === seen.add(name).size) return invalid([{ path: name, rule: 'duplicate_header' }]);
    if (value.length <= MAX_HEADER_BYTES) continue;
    if (!TOKEN_HEADERS.has(name)) return denial('PAYLOAD_TOO_LARGE', 'A header has at most 8 KB.');
    if (value.length > MAX_TOKEN_LENGTH + 16) return invalid([{ path: name, rule: 'max_length' }]);
  }
  const question = url.indexOf('?');
  if (question !== -1 && count(url, '&', question) >= MAX_QUERY_KEYS)
    return denial('PAYLOAD_TOO_LARGE', `A query has at most ${MAX_QUERY_KEYS} keys.`);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity')
    return denial('UNSUPPORTED_MEDIA_TYPE', 'Compressed request bodies are not read.');
  return null;
}

function count(text: string, character: string, from: number): number {
  let found = 0;
  for (let at = text.indexOf(character, from); at !== -1; at = text.indexOf(character, at + 1)) found++;
  return found;
}

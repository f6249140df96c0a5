/**
 * Which headers pass the gateway, in both directions (api.md §8.3, §8.5). Pure. Header names and values are hostile input until they went
 * through `requestHeaders`.
 */
export type Header = readonly [name: string, value: string];

const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade']);

const DROPPED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'host',
  'content-length',
  'x-passport-token',
  'x-agent-token',
  'x-intent-approval-id',
  'forwarded',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  // Frameworks that route by these would serve another path than the one that was checked.
  'x-original-url',
  'x-rewrite-url',
  'expect',
  'http2-settings',
  // Bodies arrive decoded, so the gateway says itself what it can decode; trace context is the connection's choice.
  'accept-encoding',
  'traceparent',
  'tracestate',
]);
const DROPPED_PREFIXES = ['x-stack-', 'x-forwarded-', 'proxy-'];

const REMOVED_FROM_RESPONSES: ReadonlySet<string> = new Set(['set-cookie', 'set-cookie2', 'content-length', 'content-encoding', 'alt-svc']);

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
// Visible ASCII, blanks and obs-text; no control character ends a header early.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MAX_VALUE = 8192;

export const USER_AGENT = 'Sallyport/1';
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** The caller's headers that pass, names in lower case; `problem` names the first that is no header at all. */
export function requestHeaders(
  given: Readonly<Record<string, string>>,
): { readonly ok: true; readonly headers: Header[] } | { readonly ok: false; readonly problem: string } {
  const names = Object.keys(given);
  const named = new Set<string>();
  for (const name of names) if (name.toLowerCase() === 'connection') addNamed(given[name] ?? '', named);
  const kept = new Map<string, string>();
  for (const name of names) {
    const value = given[name] ?? '';
    if (!NAME.test(name) || !VALUE.test(value) || value.length > MAX_VALUE) return { ok: false, problem: name.slice(0, 64) };
    const lower = name.toLowerCase();
    if (isDropped(lower) || named.has(lower)) continue;
    // Two spellings of one name: which would win is the upstream's to decide, so neither is guessed at.
    if (kept.has(lower)) return { ok: false, problem: name.slice(0, 64) };
    kept.set(lower, value.trim());
  }
  return { ok: true, headers: [...kept] };
}

function addNamed(connection: string, to: Set<string>): void {
  for (const token of connection.split(',')) to.add(token.trim().toLowerCase());
}

/** Gateways of the CGI kind make no difference between `_` and `-`. */
function isDropped(lower: string): boolean {
  const name = lower.replaceAll('_', '-');
  return HOP_BY_HOP.has(name) || DROPPED.has(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

export interface ConnectionHeaders {
  inject: Readonly<Record<string, string>>;
  /** Lower case: the connection's own, never taken from the caller. */
  drop: readonly string[];
  /** Sent where the caller has no such header. */
  defaults: Readonly<Record<string, string>>;
}

/** Headers as they leave: defaults, then the caller's, then what belongs to the gateway and the connection, which wins. */
export function outgoingHeaders(
  passed: readonly Header[],
  add: { readonly host: string; readonly content_type: string | null; readonly connection: ConnectionHeaders },
): Record<string, string> {
  const { inject, drop, defaults } = add.connection;
  const headers: Record<string, string> = { host: add.host, 'user-agent': USER_AGENT };
  for (const name of Object.keys(defaults)) define(headers, name.toLowerCase(), defaults[name] ?? '');
  for (const [name, value] of passed) if (!drop.includes(name.replaceAll('_', '-'))) define(headers, name, value);
  if (add.content_type !== null) headers['content-type'] = add.content_type;
  headers['accept-encoding'] = ACCEPT_ENCODING;
  for (const name of Object.keys(inject)) define(headers, name.toLowerCase(), inject[name] ?? '');
  return headers;
}

/** An upstream's headers for the envelope: lower case, repeated ones joined. */
export function responseHeaders(raw: Readonly<Record<string, string | readonly string[] | undefined>>): Record<string, string> {
  const named = new Set<string>();
  const connection = raw['connection'];
  if (connection !== undefined) addNamed(typeof connection === 'string' ? connection : connection.join(','), named);
  const headers: Record<string, string> = {};
  for (const name of Object.keys(raw)) {
    const lower = name.toLowerCase();
    const value = raw[name];
    if (value === undefined || HOP_BY_HOP.has(lower) || lower.startsWith('proxy-') || REMOVED_FROM_RESPONSES.has(lower) || named.has(lower))
      continue;
    define(headers, lower, typeof value === 'string' ? value : value.join(', '));
  }
  return headers;
}

// A header called `__proto__` is a header like any other.
function define(headers: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  else headers[name] = value;
}

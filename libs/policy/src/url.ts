/**
 * The one normal form of a target URL (api.md §9.1, §10.2): what constraints see, what the call digest covers and what is sent.
 *
 * Guarantees: two spellings of one URL give one form, and no form holds a dot segment in the eyes of a server that decodes again.
 * Does not decide whether the host is allowed (`hosts.ts`) and does not resolve names.
 */

/** Characters that a URL may have before it is refused (api.md §1.8). */
export const MAX_URL_LENGTH = 8192;

export type QueryPair = readonly [name: string, value: string];

export type NormalUrl = {
  /** Origin and path: no query, no fragment, no default port. */
  readonly url: string;
  readonly origin: string;
  readonly scheme: 'http' | 'https';
  /** Lower case, IDNA ASCII, no port; IPv6 in brackets, IPv4 in dotted decimal whatever the caller wrote. */
  readonly host: string;
  /** The explicit port or the scheme's own. */
  readonly port: number;
  readonly pathname: string;
  /** The URL's own query, decoded, in the caller's order. */
  readonly query: readonly QueryPair[];
};

/** `scheme` and `userinfo` are destination refusals (api.md §8.4), `too_long` is a size, the others are malformed requests. */
export type UrlProblem = 'relative' | 'malformed' | 'too_long' | 'dot_segment' | 'scheme' | 'userinfo';

export type UrlResult = { readonly ok: true; readonly value: NormalUrl } | { readonly ok: false; readonly problem: UrlProblem };

const ABSOLUTE = /^\s*[a-z][a-z0-9+.-]*:\/\//i;
const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const DOT_SEGMENT = /^\.{1,2}$/;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;
/** Overlong forms of `.`, `/` and `\`, which no UTF-8 has and old decoders take. */
const OVERLONG: readonly (readonly [RegExp, string])[] = [
  [/%(?:c0%ae|e0%80%ae)/gi, '.'],
  [/%(?:c0%af|e0%80%af|c1%9c|e0%81%9c)/gi, '/'],
];
const MAX_DECODINGS = 4;

/**
 * Parses and normalises the absolute URL of a call, placeholders already filled.
 *
 * The fragment is dropped. A path that hides a dot segment (`hidesDotSegment`) and a `%` that begins no escape are refused: an upstream that decodes
 * differently would address another resource than the one that was checked.
 */
export function normaliseUrl(text: string): UrlResult {
  if (text.length > MAX_URL_LENGTH) return refuse('too_long');
  return plainUrl(text) ?? parseUrl(text);
}

/**
 * A URL that is its own normal form, or null where only a parser can tell: an ASCII name in lower case whose last label has no digit (no address in
 * any spelling), and a path without escape, dot segment, query or any character that a parser would change.
 */
function plainUrl(text: string): UrlResult | null {
  const match = PLAIN.exec(text);
  const [, host, pathname] = match ?? [];
  if (host === undefined || pathname === undefined || host.includes('xn--') || pathname.includes('/.')) return null;
  return { ok: true, value: { url: text, origin: `https://${host}`, scheme: 'https', host, port: 443, pathname, query: [] } };
}

const PLAIN = /^https:\/\/((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{1,63})(\/[A-Za-z0-9_.~!$&'()*+,;=:@/-]*)$/;

/** Any URL, by the WHATWG parser. */
export function parseUrl(text: string): UrlResult {
  if (!ABSOLUTE.test(text)) return refuse('relative');
  const parsed = URL.parse(text);
  if (parsed === null) return refuse('malformed');
  const scheme = parsed.protocol === 'https:' ? 'https' : parsed.protocol === 'http:' ? 'http' : null;
  if (scheme === null) return refuse('scheme');
  if (parsed.username !== '' || parsed.password !== '') return refuse('userinfo');
  if (parsed.hostname === '') return refuse('malformed');

  const pathname = normalisePath(parsed.pathname);
  if (typeof pathname === 'object') return refuse(pathname.problem);
  const port = parsed.port === '' ? (scheme === 'https' ? 443 : 80) : Number(parsed.port);
  return {
    ok: true,
    value: {
      url: parsed.origin + pathname,
      origin: parsed.origin,
      scheme,
      host: parsed.hostname,
      port,
      pathname,
      query: parsed.search === '' ? [] : [...parsed.searchParams],
    },
  };
}

/** The view of a path for constraints: without its trailing slash, save for `/` itself (api.md §9.1). */
export function constraintPathname(pathname: string): string {
  return pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
}

/** The URL that is sent: the normal form and the pairs in the given order, spaces as `%20`, since not every server reads `+` as one. */
export function targetUrl(url: NormalUrl, query: readonly QueryPair[]): string {
  if (query.length === 0) return url.url;
  return `${url.url}?${query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`;
}

function normalisePath(pathname: string): string | { problem: UrlProblem } {
  if (BAD_ESCAPE.test(pathname)) return { problem: 'malformed' };
  if (hidesDotSegment(pathname)) return { problem: 'dot_segment' };
  const normal = pathname.replace(/%[0-9a-f]{2}/gi, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
  });
  return normal === '' ? '/' : normal;
}

/**
 * Would some server read a dot segment here that the parser did not (api.md §8.4, §9.1)? Servers decode more than once, take overlong or full-width spellings for
 * ASCII, cut parameters off a segment (`..;x`), and drop blanks and control characters. A path that is still escaped after four decodings hides something.
 */
function hidesDotSegment(pathname: string): boolean {
  let text = pathname;
  for (let times = 0; text.includes('%'); times++) {
    let decoded = text;
    for (const [form, character] of OVERLONG) decoded = decoded.replace(form, character);
    decoded = decoded.replace(ESCAPES, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
    if (decoded === text) break;
    if (times === MAX_DECODINGS) return true;
    text = decoded;
  }
  const segments = text.normalize('NFKC').split(/[/\\]/);
  return segments.some((segment) => DOT_SEGMENT.test(segment.replace(/;.*$/s, '').replaceAll(/[\0-\x20\x7f]/g, '')));
}

function refuse(problem: UrlProblem): UrlResult {
  return { ok: false, problem };
}

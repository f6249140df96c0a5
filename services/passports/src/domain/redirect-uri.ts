/**
 * Where a browser may be sent with a code (api.md §3.6; RFC 9700 §4.1, RFC 8252 §7.3, §8.3): exactly a registered address, but for the port of a loopback
 * address. Everything that parsers read differently is refused when it is registered. Pure.
 */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);
/** Printable ASCII without what browsers repair: backslash, quotes, angle brackets, space. */
const PLAIN = /^[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/;

/** https anywhere, http on this machine alone; no user, no fragment, and spelt as any parser would spell it. */
export function isRegistrable(text: string): boolean {
  const url = parse(text);
  if (!url) return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && LOOPBACK.has(url.hostname);
}

/** Is this one of the registered addresses? The port of a loopback address is the caller's to choose; nothing else is. */
export function isRegistered(text: string, registered: readonly string[]): boolean {
  if (registered.includes(text)) return isRegistrable(text);
  const url = parse(text);
  if (url?.protocol !== 'http:' || !LOOPBACK.has(url.hostname)) return false;
  return registered.some((one) => isRegistrable(one) && withoutPort(one) === withoutPort(text));
}

/** Adds parameters to an address that has no others of these names. */
export function withParameters(text: string, parameters: Readonly<Record<string, string | null>>): string {
  const url = new URL(text);
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.append(name, value);
  return url.href;
}

function parse(text: string): URL | null {
  if (!PLAIN.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const parts = url.username === '' && url.password === '' && url.hash === '' && !text.includes('#') && !text.includes('@');
  // Dot segments, upper-case hosts, default ports and the like: whatever a parser changes, two parsers may change differently.
  const same = url.href === text || url.href === `${text}/`;
  return parts && same ? url : null;
}

function withoutPort(text: string): string {
  const url = new URL(text);
  url.port = '';
  return url.href;
}

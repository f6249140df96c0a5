/**
 * Destination binding by name (api.md §8.4): whether a connection's `hosts` admit the host and port of a call.
 *
 * Looks at names only. What a name resolves to is checked where it is resolved, before the connection is made.
 */
import { isIP } from 'node:net';

export type HostPattern = {
  readonly kind: 'host' | 'one_label_below';
  /** Lower case, IDNA ASCII; for `*.suffix` the suffix. */
  readonly host: string;
  /** null: the scheme's own. */
  readonly port: number | null;
};

/** `userinfo` is refused where the URL is read (`url.ts`). */
export type HostVerdict = 'ok' | 'scheme' | 'ip_literal' | 'host_not_bound' | 'port_not_bound';

const MAX_PATTERN_LENGTH = 260;
const PORT = /^(.*):([0-9]{1,5})$/;

/** Reads `host`, `host:port` or `*.suffix` (exactly one label; two labels at least in the suffix), or null when it is none of these. */
export function parseHostPattern(text: string): HostPattern | null {
  if (text.length > MAX_PATTERN_LENGTH) return null;
  if (text.startsWith('*.')) {
    const suffix = canonicalHost(text.slice(2));
    // `*.com` would bind a whole registry.
    if (suffix === null || ipVersion(suffix) !== 0 || !suffix.includes('.')) return null;
    return { kind: 'one_label_below', host: suffix, port: null };
  }
  const [, before, digits] = /\]$/.test(text) ? [] : (PORT.exec(text) ?? []);
  const host = canonicalHost(before ?? text);
  if (host === null) return null;
  if (digits === undefined) return { kind: 'host', host, port: null };
  const port = Number(digits);
  return port >= 1 && port <= 65_535 ? { kind: 'host', host, port } : null;
}

/**
 * The verdict on a destination. `scheme`, `host` and `port` are those of a `NormalUrl`: host in lower case and IDNA ASCII, every spelling of
 * an IP address already canonical. An IP address counts only if it is listed literally.
 */
export function hostAllowed(
  hosts: readonly HostPattern[],
  scheme: string,
  host: string,
  port: number,
  options: { readonly allow_http: boolean },
): HostVerdict {
  if (scheme !== 'https' && !(scheme === 'http' && options.allow_http)) return 'scheme';
  const named = hosts.filter((pattern) => matchesName(pattern, host));
  if (named.length === 0) return ipVersion(host) === 0 ? 'host_not_bound' : 'ip_literal';
  const defaultPort = scheme === 'https' ? 443 : 80;
  return named.some((pattern) => (pattern.port ?? defaultPort) === port) ? 'ok' : 'port_not_bound';
}

function matchesName(pattern: HostPattern, host: string): boolean {
  if (pattern.kind === 'host') return pattern.host === host;
  const label = host.slice(0, -(pattern.host.length + 1));
  return label !== '' && !label.includes('.') && host === `${label}.${pattern.host}`;
}

function ipVersion(host: string): number {
  return isIP(host.startsWith('[') ? host.slice(1, -1) : host);
}

function canonicalHost(text: string): string | null {
  if (text === '' || /[\s/\\?#@%*]/.test(text)) return null;
  if (text.includes(':') && !text.startsWith('[')) return null;
  const parsed = URL.parse(`https://${text}/`);
  return parsed !== null && parsed.hostname !== '' && parsed.port === '' && parsed.pathname === '/' ? parsed.hostname : null;
}

/** Step 7 of api.md §8.2: placeholders, normal form, and binding of scheme, host and port. Pure; what the name resolves to comes later. */
import { denial, invalid } from '@sallyport/contracts/errors.ts';
import { hostAllowed } from '@sallyport/policy/hosts.ts';
import { MAX_URL_LENGTH, type NormalUrl, normaliseUrl, type UrlProblem } from '@sallyport/policy/url.ts';
import type { ProxyRequest } from '../proxy/request.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { UsableAccess } from './service.ts';

export type Destination = { ok: true; url: NormalUrl } | { ok: false; url: NormalUrl | null; refusal: Refusal };

const PLACEHOLDER = /\{\{([a-z_]{1,64})\}\}/g;
const MAX_QUERY_KEYS = 128;

export function checkDestination(request: ProxyRequest, { connection, hosts }: UsableAccess): Destination {
  const filled = fill(request.url, connection.placeholders);
  if (filled === null)
    return { ok: false, url: null, refusal: destination('placeholder_unresolved', 'The URL has a placeholder without a value.') };
  const normal = normaliseUrl(filled);
  if (!normal.ok) return { ok: false, url: null, refusal: urlRefusal(normal.problem) };
  const url = normal.value;
  if (url.query.length + request.query.length > MAX_QUERY_KEYS) {
    return { ok: false, url, refusal: refusal('PAYLOAD_TOO_LARGE', `A query has at most ${MAX_QUERY_KEYS} keys.`) };
  }
  const verdict = hostAllowed(hosts, url.scheme, url.host, url.port, { allow_http: connection.allow_http });
  return verdict === 'ok'
    ? { ok: true, url }
    : { ok: false, url, refusal: destination(verdict, 'The destination is not one that this connection may call.') };
}

/** Null when a placeholder has no value. `instance_url` is an origin of its own; other values are one path segment or query value. */
function fill(text: string, values: Readonly<Record<string, string>>): string | null {
  if (!text.includes('{{')) return text;
  let unresolved = false;
  const filled = text.replaceAll(PLACEHOLDER, (_whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === '') unresolved = true;
    return name === 'instance_url' ? (value ?? '').replace(/\/+$/, '') : encodeURIComponent(value ?? '');
  });
  return unresolved ? null : filled;
}

export function destination(reason: string, message: string): Refusal {
  return refusal('DESTINATION_FORBIDDEN', message, { reason });
}

function urlRefusal(problem: UrlProblem): Refusal {
  switch (problem) {
    case 'scheme':
    case 'userinfo':
      return destination(problem, 'The destination is not one that may be called.');
    case 'too_long':
      return { denial: denial('PAYLOAD_TOO_LARGE', `A URL has at most ${MAX_URL_LENGTH} characters.`) };
    case 'relative':
    case 'malformed':
    case 'dot_segment':
      return { denial: invalid([{ path: 'url', rule: problem }]) };
  }
}

/** Where a call sends things, as keyed hashes (`dests[]`, detectors.md §1.4), and the names of its body fields. */
import { keyedHash } from './keyed-hash.ts';
import { recipientsOf } from './recipients.ts';
import { resourceKindOf } from './resource.ts';
import { type FeatureView, type Json, members, stringsIn } from './view.ts';

export const MAX_DESTS = 8;
export const MAX_BODY_KEYS = 32;
const MAX_KEY_LENGTH = 64;
const CALLBACK_KEY = /url|uri|callback|webhook|endpoint|redirect/i;

/** At most 8 distinct hashes: the service, `service:resource`, domains of recipients, hosts of callbacks. */
export function destsOf(key: Uint8Array, service: string, resource: string | null, view: FeatureView): string[] {
  const names = [service];
  if (resource !== null) names.push(`${service}:${resource}`);
  if (resourceKindOf(service) === 'recipient')
    names.push(...recipientsOf(view).map((address) => address.slice(address.lastIndexOf('@') + 1)));
  names.push(...callbackHosts(view));
  return [...new Set(names)].slice(0, MAX_DESTS).map((name) => keyedHash(key, name));
}

/** The hosts of URL values under keys that name a place to call, in query and body. */
export function callbackHosts(view: Pick<FeatureView, 'query' | 'body'>): string[] {
  const hosts = new Set<string>();
  const look = (key: string, values: readonly string[]): void => {
    if (!CALLBACK_KEY.test(key)) return;
    for (const value of values) {
      const url = /^\s*https?:/i.test(value) ? URL.parse(value) : null;
      if (url !== null && url.hostname !== '') hosts.add(url.hostname);
    }
  };
  for (const [name, value] of view.query) look(name, [value]);
  for (const [key, value] of members(view.body)) look(key, typeof value === 'string' || Array.isArray(value) ? stringsIn(value) : []);
  return [...hosts];
}

/** The distinct field names of a body, outermost first; at most 32, each cut to 64 characters. */
export function bodyKeys(body: Json | undefined): string[] {
  const keys = new Set<string>();
  for (const [key] of members(body)) {
    keys.add(key.slice(0, MAX_KEY_LENGTH).toWellFormed());
    if (keys.size === MAX_BODY_KEYS) break;
  }
  return [...keys];
}

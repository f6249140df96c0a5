/**
 * Names to addresses, each of them checked (api.md §8.4). The answer is what the connection is made to, so a name that changes between
 * check and connect changes nothing. Answers are kept for a moment, so that a busy upstream is not looked up for each call.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { addressAllowed } from './addresses.ts';

export interface Address {
  address: string;
  family: number;
}

export type Resolved = { ok: true; addresses: Address[] } | { ok: false; problem: 'dns' | 'private_address' };

export interface Resolver {
  /** `host` as in a URL: a name, an IPv4 address, or an IPv6 one in brackets. */
  resolve(host: string, options: { allow_private_networks: boolean }): Promise<Resolved> | Resolved;
}

const KEPT_MS = 2_000;
const LOOKUP_MS = 5_000;
const MAX_KEPT = 2_000;

type Lookup = (host: string) => Promise<Address[]>;

const system: Lookup = (host) => lookup(host, { all: true, verbatim: true });

export function createResolver(look: Lookup = system): Resolver {
  const kept = new Map<string, { addresses: Address[]; until: number }>();
  const open = new Map<string, Promise<Address[] | null>>();

  function ask(host: string): Promise<Address[] | null> {
    const under = open.get(host);
    if (under) return under;
    const answer = Promise.race([look(host), new Promise<null>((resolve) => setTimeout(resolve, LOOKUP_MS, null).unref())])
      .catch(() => null)
      .then((addresses) => {
        open.delete(host);
        if (!addresses || addresses.length === 0) return null;
        if (kept.size >= MAX_KEPT) kept.clear();
        kept.set(host, { addresses, until: performance.now() + KEPT_MS });
        return addresses;
      });
    open.set(host, answer);
    return answer;
  }

  const judge = (addresses: Address[] | null, options: { allow_private_networks: boolean }): Resolved => {
    if (!addresses) return { ok: false, problem: 'dns' };
    return addresses.every(({ address }) => addressAllowed(address, options))
      ? { ok: true, addresses }
      : { ok: false, problem: 'private_address' };
  };

  return {
    resolve: (host, options) => {
      const literal = host.startsWith('[') ? host.slice(1, -1) : host;
      const family = isIP(literal);
      if (family !== 0) return judge([{ address: literal, family }], options);
      const known = kept.get(host);
      if (known && known.until > performance.now()) return judge(known.addresses, options);
      return ask(host).then((addresses) => judge(addresses, options));
    },
  };
}

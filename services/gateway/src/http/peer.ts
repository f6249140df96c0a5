/**
 * The address that a request comes from, for limits per address and for what people are shown (api.md §1.6, §3.6). `X-Forwarded-For` is written by whoever sends
 * it: only the part that proxies of ours added is believed, from its end up to the first address that is none of theirs. Pure.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Is this one of our proxies? */
export type Trusts = (address: string) => boolean;

export const trustsNobody: Trusts = () => false;

/** `list`: addresses and networks (`10.0.0.0/8`), with commas between. Throws RangeError for anything else. */
export function trustedProxies(list: string): Trusts {
  const networks = new BlockList();
  for (const entry of list.split(',').map((one) => one.trim())) {
    if (entry === '') continue;
    const [address = '', bits, ...rest] = entry.split('/');
    const widest = isIPv4(address) ? 32 : 128;
    const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (isIP(address) === 0 || !(prefix <= widest) || rest.length > 0)
      throw new RangeError(`not an address or network: ${entry.slice(0, 64)}`);
    networks.addSubnet(address, prefix, family(address));
  }
  return (address) => networks.check(address, family(address));
}

/** `remote`: of the connection. `forwarded`: `X-Forwarded-For` as it came. */
export function peerOf(remote: string, forwarded: string | string[] | undefined, trusts: Trusts): string {
  let peer = plain(remote);
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? '')).split(',');
  while (isIP(peer) !== 0 && trusts(peer)) {
    const hop = plain(hops.pop()?.trim() ?? '');
    // Our proxy says no more, or nothing that is an address: it is the last one known.
    if (isIP(hop) === 0) return peer;
    peer = hop;
  }
  return peer;
}

/** What limits per address count: an IPv4 address, of an IPv6 address its /64, which one customer has whole. Anything else as it is. */
export function networkOf(peer: string): string {
  const [address = ''] = peer.split('%');
  if (!isIPv6(address)) return peer;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv6.parse(address).parts;
  return `${[a, b, c, d].map((part) => part.toString(16)).join(':')}::/64`;
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** An IPv4 address as such, also where the socket speaks IPv6. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}

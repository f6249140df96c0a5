/**
 * Which resolved addresses a call may be connected to (api.md §8.4). Pure. An address is judged by what it reaches, so an IPv4 address
 * inside an IPv6 one (mapped, 6to4, NAT64) is judged as that IPv4 address.
 */
import ipaddr from 'ipaddr.js';

type Range = ReturnType<typeof ipaddr.parseCIDR>;
const ranges = (...list: string[]): Range[] => list.map((text) => ipaddr.parseCIDR(text));

/** Admitted with `allow_private_networks`. */
const PRIVATE_V4 = ranges('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8');
const PRIVATE_V6 = ranges('fc00::/7', '::1/128');

/** Refused for everybody. */
const NEVER_V4 = ranges(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Metadata services outside the link-local range, one of them on a public address.
  '100.100.100.200/32',
  '168.63.129.16/32',
);
/** The last three: where clouds keep instance metadata and credentials of workloads. */
const NEVER_V6 = ranges('2001::/23', '2001:db8::/32', '3fff::/20', 'fd00:ec2::/32', 'fd00:42::42/128', 'fd20:ce::254/128');
/** Everything outside global unicast is reserved, link-local, multicast or unspecified. */
const GLOBAL_V6 = ipaddr.parseCIDR('2000::/3');
const SIX_TO_FOUR = ipaddr.parseCIDR('2002::/16');
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

const MAX_KEPT = 2_000;
const verdicts = { open: new Map<string, boolean>(), private: new Map<string, boolean>() };

/** True when a call may be connected to the address. Text that is no address is refused. */
export function addressAllowed(text: string, options: { readonly allow_private_networks: boolean }): boolean {
  const kept = options.allow_private_networks ? verdicts.private : verdicts.open;
  const known = kept.get(text);
  if (known !== undefined) return known;
  const allowed = judge(text, options);
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(text, allowed);
  return allowed;
}

function judge(text: string, options: { readonly allow_private_networks: boolean }): boolean {
  if (!ipaddr.isValid(text) || text.includes('%')) return false;
  const address = ipaddr.parse(text);
  if (address instanceof ipaddr.IPv4) return v4Allowed(address, options.allow_private_networks);
  const embedded = embeddedV4(address);
  if (embedded) return v4Allowed(embedded, options.allow_private_networks);
  if (within(address, NEVER_V6)) return false;
  if (within(address, PRIVATE_V6)) return options.allow_private_networks;
  return within(address, [GLOBAL_V6]);
}

function v4Allowed(address: ipaddr.IPv4, allowPrivate: boolean): boolean {
  if (within(address, NEVER_V4)) return false;
  return within(address, PRIVATE_V4) ? allowPrivate : true;
}

function embeddedV4(address: ipaddr.IPv6): ipaddr.IPv4 | null {
  const bytes = address.toByteArray();
  if (address.isIPv4MappedAddress() || within(address, [NAT64])) return new ipaddr.IPv4(bytes.slice(12));
  return within(address, [SIX_TO_FOUR]) ? new ipaddr.IPv4(bytes.slice(2, 6)) : null;
}

function within(address: ipaddr.IPv4 | ipaddr.IPv6, list: readonly Range[]): boolean {
  return list.some((range) => range[0].kind() === address.kind() && address.match(range));
}

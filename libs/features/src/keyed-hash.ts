/**
 * Keyed hashes: what detectors compare without being told (detectors.md §1.4). Eight bytes: enough to tell destinations of one operator
 * apart, and worthless without the operator's detector key.
 */
import { createHmac } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/** HMAC-SHA-256, its first 8 bytes in hex. */
export function keyedHash(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text, 'utf8').digest('hex').slice(0, 16);
}

/** `src.net`: the keyed hash of the caller's /24 (IPv4) or /48 (IPv6), or null for what is no address. */
export function networkHash(key: Uint8Array, address: string): string | null {
  const network = networkOf(address);
  return network === null ? null : keyedHash(key, network);
}

function networkOf(address: string): string | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (isIPv4(mapped)) return `${mapped.split('.').slice(0, 3).join('.')}.0/24`;
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return null;
  // The URL parser gives IPv6 its one canonical spelling; expanding `::` is then the only thing left.
  const canonical = URL.parse(`http://[${plain}]/`)?.hostname.slice(1, -1);
  if (canonical === undefined) return null;
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${groups.slice(0, 3).join(':')}::/48`;
}

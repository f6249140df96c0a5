/**
 * Ed25519 public keys as JWKs (RFC 8037): which are acceptable, their thumbprints, and signatures checked with them.
 *
 * Synchronous and without I/O; key objects are cached because two signatures are checked for every proxied call.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64url, isRecord } from './token.ts';

export type Ed25519Jwk = { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string };

export type KeyProblem = 'object' | 'kty' | 'crv' | 'x' | 'private_key' | 'low_order';

export type KeyCheck = { readonly ok: true; readonly jwk: Ed25519Jwk } | { readonly ok: false; readonly problem: KeyProblem };

/**
 * Checks a key that an agent wants to enrol (api.md §5.2). A private member is refused rather than dropped: who sends one has leaked it.
 * Points of low order are refused because signatures under them verify for any message; encodings at or above the field prime, because
 * one key must have one thumbprint.
 */
export function checkEnrolmentKey(jwk: unknown): KeyCheck {
  if (!isRecord(jwk)) return { ok: false, problem: 'object' };
  if (Object.hasOwn(jwk, 'd')) return { ok: false, problem: 'private_key' };
  if (jwk['kty'] !== 'OKP') return { ok: false, problem: 'kty' };
  if (jwk['crv'] !== 'Ed25519') return { ok: false, problem: 'crv' };
  const x = jwk['x'];
  if (typeof x !== 'string') return { ok: false, problem: 'x' };
  const point = decodeBase64url(x);
  if (point === null || point.length !== 32) return { ok: false, problem: 'x' };
  if (isLowOrder(point) || isNonCanonical(point)) return { ok: false, problem: 'low_order' };
  return { ok: true, jwk: { kty: 'OKP', crv: 'Ed25519', x } };
}

/** The RFC 7638 thumbprint, base64url. */
export function thumbprint(jwk: Ed25519Jwk): string {
  return createHash('sha256')
    .update(`{"crv":"Ed25519","kty":"OKP","x":${JSON.stringify(jwk.x)}}`)
    .digest('base64url');
}

/** True when `signature` is the key's Ed25519 signature over `signed`. A key that is none verifies nothing. */
export function verifySignature(jwk: Ed25519Jwk, signed: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const key = keyObject(jwk);
  return key !== null && verify(null, signed, key, signature);
}

/** True when `signature` (base64url, 64 bytes) signs the UTF-8 bytes of the challenge string as it was sent (api.md §5.2). */
export function verifyChallenge(jwk: Ed25519Jwk, challenge: string, signature: string): boolean {
  const bytes = decodeBase64url(signature);
  return bytes !== null && verifySignature(jwk, Buffer.from(challenge, 'utf8'), bytes);
}

const CACHE_SIZE = 4096;
const cache = new Map<string, KeyObject>();

function keyObject(jwk: Ed25519Jwk): KeyObject | null {
  const known = cache.get(jwk.x);
  if (known !== undefined) return known;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x }, format: 'jwk' });
  } catch {
    return null;
  }
  if (cache.size >= CACHE_SIZE) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(jwk.x, key);
  return key;
}

// The y coordinates of the eight points of small order (RFC 8032 curve), little-endian; the sign bit is masked before comparing.
const LOW_ORDER: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

function isLowOrder(point: Buffer): boolean {
  return LOW_ORDER.has(withoutSign(point).toString('hex'));
}

function isNonCanonical(point: Buffer): boolean {
  const y = withoutSign(point);
  return y.readUInt8(31) === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff) && y.readUInt8(0) >= 0xed;
}

function withoutSign(point: Buffer): Buffer {
  const copy = Buffer.from(point);
  copy.writeUInt8(copy.readUInt8(31) & 0x7f, 31);
  return copy;
}

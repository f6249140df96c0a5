/** Tokens as an attacker writes them: every part by hand. */
import { createHmac, createSign, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type Json = Record<string, unknown>;

export const base64url = (value: Json | string | Buffer): string =>
  (typeof value === 'object' && !Buffer.isBuffer(value) ? Buffer.from(JSON.stringify(value)) : Buffer.from(value)).toString('base64url');

export function ed25519(header: Json | string, payload: Json | string, key: KeyObject): string {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

export function unsigned(header: Json, payload: Json | string): string {
  return `${base64url(header)}.${base64url(payload)}.`;
}

export function hmac(header: Json, payload: Json, secret: Buffer | string): string {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function otherAlgorithm(alg: 'ES256' | 'RS256', header: Json, payload: Json): string {
  const { privateKey } =
    alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signed = `${base64url({ ...header, alg })}.${base64url(payload)}`;
  const key = alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey;
  return `${signed}.${createSign('sha256').update(signed).sign(key).toString('base64url')}`;
}

export function parts(token: string): [header: Json, payload: Json, signature: Buffer] {
  const [head = '', body = '', tail = ''] = token.split('.');
  const read = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString());
  return [read(head), read(body), Buffer.from(tail, 'base64url')];
}

/** The same token with another signature. */
export function withSignature(token: string, change: (signature: Buffer) => Buffer): string {
  const [head = '', body = '', tail = ''] = token.split('.');
  return `${head}.${body}.${change(Buffer.from(tail, 'base64url')).toString('base64url')}`;
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** S + L signs the same to a verifier that does not look (RFC 8032 §8.4). */
export function malleated(signature: Buffer): Buffer {
  let s = 0n;
  for (let at = 63; at >= 32; at--) s = (s << 8n) | BigInt(signature[at] ?? 0);
  s += ORDER;
  const changed = Buffer.from(signature);
  for (let at = 32; at < 64; at++) {
    changed[at] = Number(s & 255n);
    s >>= 8n;
  }
  return changed;
}

/** R beyond the field prime. */
export function withoutCanonicalR(signature: Buffer): Buffer {
  const changed = Buffer.from(signature);
  changed.fill(0xff, 0, 32);
  return changed;
}

export function ownKey(): { privateKey: KeyObject; jwk: Json } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }) } };
}

export interface Forgery {
  what: string;
  token: string;
  /** What `metadata.reason` says (api.md §2.1); null: it is too long to be a token, which breaks the request (§1.8). */
  reason: string | null;
}

/** What works on any token of ours without its key: `token` is genuine, `jwk` its public key. */
export function forgeriesOf(token: string, jwk: Json): Forgery[] {
  const [header, payload] = parts(token);
  const [head = '', body = '', tail = ''] = token.split('.');
  const own = ownKey();
  const x = Buffer.from(String(jwk['x']), 'base64url');
  const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), x]).toString('base64')}\n-----END PUBLIC KEY-----\n`;
  const rows: [string, string, string | null][] = [
    ...['none', 'None', 'NONE', 'nOnE', '', 'none '].map((alg): [string, string, string] => [
      `alg ${JSON.stringify(alg)} unsigned`,
      unsigned({ ...header, alg }, payload),
      'malformed',
    ]),
    ['alg none with the genuine signature', `${base64url({ ...header, alg: 'none' })}.${body}.${tail}`, 'malformed'],
    ['HMAC with the raw public key', hmac({ ...header, alg: 'HS256' }, payload, x), 'malformed'],
    ['HMAC with the public key as PEM', hmac({ ...header, alg: 'HS256' }, payload, pem), 'malformed'],
    ['HMAC with the public key as JWK', hmac({ ...header, alg: 'HS256' }, payload, JSON.stringify(jwk)), 'malformed'],
    ['HMAC that says EdDSA', hmac(header, payload, x), 'bad_signature'],
    ['ES256', otherAlgorithm('ES256', header, payload), 'malformed'],
    ['RS256', otherAlgorithm('RS256', header, payload), 'malformed'],
    ['alg in another case', ed25519({ ...header, alg: 'EdDsa' }, payload, own.privateKey), 'malformed'],
    ['alg missing', ed25519({ ...header, alg: undefined }, payload, own.privateKey), 'malformed'],
    ['alg as a list', ed25519({ ...header, alg: ['EdDSA'] }, payload, own.privateKey), 'malformed'],
    ['a key of the attacker', ed25519(header, payload, own.privateKey), 'bad_signature'],
    ['an embedded key', ed25519({ ...header, jwk: own.jwk }, payload, own.privateKey), 'malformed'],
    ['a key by jku', ed25519({ ...header, jku: 'https://attacker.example/jwks.json' }, payload, own.privateKey), 'malformed'],
    ['a certificate by x5u', ed25519({ ...header, x5u: 'https://attacker.example/x.pem' }, payload, own.privateKey), 'malformed'],
    ['an embedded certificate', ed25519({ ...header, x5c: ['MIIB'] }, payload, own.privateKey), 'malformed'],
    ['crit', ed25519({ ...header, crit: ['exp'], exp: 1 }, payload, own.privateKey), 'malformed'],
    ['b64 false', ed25519({ ...header, b64: false, crit: ['b64'] }, payload, own.privateKey), 'malformed'],
    ['kid as a path', ed25519({ ...header, kid: '../../../../dev/null' }, payload, own.privateKey), 'bad_signature'],
    ['kid as SQL', ed25519({ ...header, kid: "x' or '1'='1" }, payload, own.privateKey), 'bad_signature'],
    ['kid as a URL', ed25519({ ...header, kid: 'https://attacker.example/key' }, payload, own.privateKey), 'bad_signature'],
    ['kid of a prototype', ed25519({ ...header, kid: '__proto__' }, payload, own.privateKey), 'bad_signature'],
    ['a malleable signature', withSignature(token, malleated), 'bad_signature'],
    ['R that is not canonical', withSignature(token, withoutCanonicalR), 'bad_signature'],
    ['a truncated signature', withSignature(token, (one) => one.subarray(0, 63)), 'bad_signature'],
    ['an extended signature', withSignature(token, (one) => Buffer.concat([one, Buffer.from([0])])), 'bad_signature'],
    ['a signature of zeros', withSignature(token, () => Buffer.alloc(64)), 'bad_signature'],
    ['an empty signature', `${head}.${body}.`, 'malformed'],
    ['two parts', `${head}.${body}`, 'malformed'],
    ['five parts', `${head}.${body}.${tail}.${tail}.${tail}`, 'malformed'],
    ['an empty payload', `${head}..${tail}`, 'malformed'],
    ['an empty header', `.${body}.${tail}`, 'malformed'],
    ['padding', `${head}.${body}.${tail}==`, 'malformed'],
    ['a character that is not base64url', `${head}.${body}.${tail.slice(0, -1)}+`, 'malformed'],
    [
      'stray bits in the last character',
      `${head}.${body}.${tail.slice(0, -1)}${tail.endsWith('A') ? 'B' : String.fromCharCode(tail.charCodeAt(tail.length - 1) + 1)}`,
      'malformed',
    ],
    ['another payload under the signature', `${head}.${base64url({ ...payload, exp: 9_999_999_999 })}.${tail}`, 'bad_signature'],
    ['an algorithm twice', `${base64url(`{"alg":"none",${JSON.stringify(header).slice(1)}`)}.${body}.${tail}`, 'bad_signature'],
    ['header as a list', `${base64url('[]')}.${body}.${tail}`, 'malformed'],
    ['payload as text', `${head}.${base64url('"x"')}.${tail}`, 'malformed'],
    ['payload as another token', `${head}.${base64url(token)}.${tail}`, 'malformed'],
    ['payload that is no UTF-8', `${head}.${base64url(Buffer.from([0x7b, 0xff, 0x7d]))}.${tail}`, 'malformed'],
    ['16 KB and more', `${head}.${base64url({ ...payload, filler: 'x'.repeat(13_000) })}.${tail}`, null],
    ['random bytes', `eyJ${randomBytes(40).toString('base64url')}`, 'malformed'],
  ];
  return rows.map(([what, forged, reason]) => ({ what, token: forged, reason }));
}

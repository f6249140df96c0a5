/**
 * The key that passports are signed with, and nothing else (api.md §6.2). One active key; its rotation is not here. `kid` is the RFC 7638 thumbprint.
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { PassportClaims } from '@sallyport/contracts/objects/passport.ts';
import { type Ed25519Jwk, thumbprint } from '@sallyport/passport-verify/keys.ts';
import { CompactSign } from 'jose';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';

export interface Signer {
  kid: string;
  public_jwk: Ed25519Jwk;
  /** All keys whose tokens are accepted, by `kid`. */
  keys: ReadonlyMap<string, Ed25519Jwk>;
  sign(claims: PassportClaims): Promise<string>;
}

export async function openSigner(secretsDir: string): Promise<Signer> {
  const text = await secretFile(secretsDir, 'passport-key.jwk', () =>
    JSON.stringify(generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })),
  );
  const { x, d } = readKey(text);
  const public_jwk: Ed25519Jwk = { kty: 'OKP', crv: 'Ed25519', x };
  const key = createPrivateKey({ key: { ...public_jwk, d }, format: 'jwk' });
  const kid = thumbprint(public_jwk);
  return {
    kid,
    public_jwk,
    keys: new Map([[kid, public_jwk]]),
    sign: (claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ alg: 'EdDSA', typ: 'passport+jwt', kid }).sign(key),
  };
}

function readKey(text: string): { x: string; d: string } {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('x' in value) || !('d' in value))
    throw new Error('the passport key file is not a key');
  if (typeof value.x !== 'string' || typeof value.d !== 'string') throw new Error('the passport key file is not a key');
  return { x: value.x, d: value.d };
}

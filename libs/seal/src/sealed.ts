/**
 * A secret sealed to the holder of one key: JWE compact (RFC 7516), ECDH-ES+A256KW over X25519 (RFC 8037) with A256GCM.
 *
 * The context (what the secret is, for whom) is authenticated with it, so a sealed secret that was moved elsewhere does not open.
 * Says nothing about who sealed it: anyone with the public key can. No I/O.
 */
import { generateKeyPairSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { SealError } from './seal-error.ts';

export type SealPublicJwk = { readonly kty: 'OKP'; readonly crv: 'X25519'; readonly x: string };
export type SealPrivateJwk = SealPublicJwk & { readonly d: string };

const ALG = 'ECDH-ES+A256KW';
const ENC = 'A256GCM';

/** A fresh X25519 key pair. The private part never leaves the process that made it. */
export function generateSealKey(): { readonly public_jwk: SealPublicJwk; readonly private_jwk: SealPrivateJwk } {
  const { x, d } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  if (x === undefined || d === undefined) throw new SealError('key');
  const publicJwk: SealPublicJwk = { kty: 'OKP', crv: 'X25519', x };
  return { public_jwk: publicJwk, private_jwk: { ...publicJwk, d } };
}

/** Seals `plaintext` to the key. Throws `SealError` for a public key that is none. */
export async function sealTo(publicJwk: SealPublicJwk, plaintext: Uint8Array, context: string): Promise<string> {
  try {
    // Only the public members are passed on: a private key given by mistake is not used, and never ends in an error text.
    const key = { kty: publicJwk.kty, crv: publicJwk.crv, x: publicJwk.x };
    return await new CompactEncrypt(plaintext).setProtectedHeader({ alg: ALG, enc: ENC, ctx: context }).encrypt(key);
  } catch {
    throw new SealError('key');
  }
}

/**
 * Opens what was sealed to the key under the same context.
 *
 * Throws `SealError` with `kind` `context` when it is genuine but was sealed for another context, else `unreadable` (another key, changed,
 * other algorithms, no JWE): the cause is not told, since it may come from an attacker.
 */
export async function openSealed(privateJwk: SealPrivateJwk, sealed: string, context: string): Promise<Uint8Array> {
  let opened: Awaited<ReturnType<typeof compactDecrypt>>;
  try {
    opened = await compactDecrypt(sealed, { ...privateJwk }, { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] });
  } catch {
    throw new SealError('unreadable');
  }
  const header = opened.protectedHeader;
  if (Object.hasOwn(header, 'zip')) throw new SealError('unreadable');
  if (header['ctx'] !== context) throw new SealError('context');
  return opened.plaintext;
}

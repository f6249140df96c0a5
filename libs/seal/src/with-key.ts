/**
 * A secret kept under a 32-byte key that both sides hold: JWE compact with `dir` and A256GCM, for data at rest.
 *
 * The context names the place where the ciphertext belongs (table, column, row); moved to another place it does not open. The IV is
 * random: one key serves at most 2^32 secrets (NIST SP 800-38D §8.3), so records use a data key each. No I/O.
 */
import { CompactEncrypt, compactDecrypt } from 'jose';
import { SealError } from './seal-error.ts';

export const KEY_BYTES = 32;

/** Seals `plaintext` under `key`. Throws `SealError` (`key`) when the key has not 32 bytes. */
export async function sealWithKey(key: Uint8Array, plaintext: Uint8Array, context: string): Promise<string> {
  if (key.length !== KEY_BYTES) throw new SealError('key');
  return new CompactEncrypt(plaintext).setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ctx: context }).encrypt(key);
}

/** Opens what was sealed under the same key and context. Throws `SealError` as `openSealed` does. */
export async function openWithKey(key: Uint8Array, sealed: string, context: string): Promise<Uint8Array> {
  if (key.length !== KEY_BYTES) throw new SealError('key');
  let opened: Awaited<ReturnType<typeof compactDecrypt>>;
  try {
    opened = await compactDecrypt(sealed, key, { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] });
  } catch {
    throw new SealError('unreadable');
  }
  if (Object.hasOwn(opened.protectedHeader, 'zip')) throw new SealError('unreadable');
  if (opened.protectedHeader['ctx'] !== context) throw new SealError('context');
  return opened.plaintext;
}

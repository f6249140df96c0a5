/**
 * Envelope encryption (api.md §12.1): AES-256-GCM, a data key for each record, itself wrapped by the master key. Both layers are
 * bound to the place of the record, so a ciphertext that was copied to another row does not open. No I/O.
 */
import { randomBytes } from 'node:crypto';
import { KEY_BYTES, openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';

/** Both are JWE compact (`dir`, A256GCM). */
export type Envelope = { wrapped_key: string; ciphertext: string };

/** The place of a connection's credential: another connection's row, or another version's, is another place. */
export function credentialPlace(connectionId: string, credentialRef: string): string {
  return `vault.secret ${connectionId} ${credentialRef}`;
}

export function detectorKeyPlace(operatorId: string): string {
  return `vault.detector_key ${operatorId}`;
}

export async function encrypt(masterKey: Uint8Array, plaintext: Uint8Array, place: string): Promise<Envelope> {
  const dataKey = randomBytes(KEY_BYTES);
  try {
    return {
      wrapped_key: await sealWithKey(masterKey, dataKey, `key of ${place}`),
      ciphertext: await sealWithKey(dataKey, plaintext, place),
    };
  } finally {
    dataKey.fill(0);
  }
}

/** Throws `SealError` for a changed record, one from another place, or another master key. */
export async function decrypt(masterKey: Uint8Array, envelope: Envelope, place: string): Promise<Uint8Array> {
  const dataKey = await openWithKey(masterKey, envelope.wrapped_key, `key of ${place}`);
  try {
    return await openWithKey(dataKey, envelope.ciphertext, place);
  } finally {
    dataKey.fill(0);
  }
}

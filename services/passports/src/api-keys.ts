/** Operator and member keys (api.md §3.1): made, and hidden. A key itself is seen once, in the answer that makes it; only its HMAC is kept. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { apiKeyHash, type KeyOwner, makeApiKey } from '@sallyport/contracts/api-key.ts';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';

export interface ApiKeys {
  /** HMAC-SHA-256, under the pepper, of a key's SHA-256; both hex. */
  hmac(sha256: string): string;
  newKey(owner: KeyOwner): { key: string; hmac: string };
}

export async function openApiKeys(secretsDir: string): Promise<ApiKeys> {
  const pepper = Buffer.from(await secretFile(secretsDir, 'key-pepper', () => randomBytes(32).toString('hex')), 'hex');
  if (pepper.length !== 32) throw new Error('the pepper file does not hold 32 bytes');
  const hmac = (sha256: string): string => createHmac('sha256', pepper).update(sha256, 'hex').digest('hex');
  return {
    hmac,
    newKey: (owner) => {
      const key = makeApiKey(owner, randomBytes(32));
      return { key, hmac: hmac(apiKeyHash(key)) };
    },
  };
}

/** In constant time for texts of one length. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

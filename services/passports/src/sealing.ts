/** The key that stored answers of `Idempotency-Key` are sealed with (api.md §1.5): they may hold tokens and keys that are shown once. */
import { randomBytes } from 'node:crypto';
import { openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import type { Sealing } from '@sallyport/service-kit/idempotency.ts';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';

const CONTEXT = 'passports.idempotency';

export async function openSealing(secretsDir: string): Promise<Sealing> {
  const key = Buffer.from(await secretFile(secretsDir, 'idempotency-key', () => randomBytes(32).toString('hex')), 'hex');
  return {
    seal: (plain) => sealWithKey(key, Buffer.from(plain), CONTEXT),
    open: async (sealed) => Buffer.from(await openWithKey(key, sealed, CONTEXT)).toString('utf8'),
  };
}

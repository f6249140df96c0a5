/** Stored answers of repeated requests (api.md §1.5), under a key of their own that is derived from the master key. */
import { hkdfSync } from 'node:crypto';
import { KEY_BYTES, openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import type { Sealing } from '@sallyport/service-kit/idempotency.ts';

const CONTEXT = 'vault.idempotency';

export function createSealing(masterKey: Uint8Array): Sealing {
  const key = new Uint8Array(hkdfSync('sha256', masterKey, '', CONTEXT, KEY_BYTES));
  return {
    seal: (plain) => sealWithKey(key, new TextEncoder().encode(plain), CONTEXT),
    open: async (sealed) => new TextDecoder().decode(await openWithKey(key, sealed, CONTEXT)),
  };
}

/**
 * Ciphertext at rest. Owns the tables `secret`, `detector_key` and `master_key_check`; knows nothing of connections. A row is committed before the
 * fact that names it, so a connection in the ledger always has its secret.
 */
import { randomBytes } from 'node:crypto';
import type { Database } from '@sallyport/projections/open-pool.ts';
import { KEY_BYTES, openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import { decodeCredential, encodeCredential, type StoredCredential } from '../domain/credential.ts';
import { credentialPlace, decrypt, detectorKeyPlace, encrypt } from '../secrets/envelope.ts';
import type { VaultTables } from './schema.ts';

export interface SecretStore {
  put(connectionId: string, credentialRef: string, credential: StoredCredential): Promise<void>;
  /** null when there is no such row. Throws for one that does not open. */
  open(connectionId: string, credentialRef: string): Promise<StoredCredential | null>;
  destroy(credentialRef: string): Promise<void>;
  destroyAll(connectionId: string): Promise<void>;
  /** 32 bytes, the same for ever for one operator; made when first asked for. */
  detectorKey(operatorId: string): Promise<Uint8Array>;
}

const CHECK_PLACE = 'vault.master_key_check';

/** Throws when the database was written under another master key: nothing in it could be opened. */
export async function openSecretStore({ db }: Database<VaultTables>, masterKey: Uint8Array): Promise<SecretStore> {
  const sealed = await sealWithKey(masterKey, new Uint8Array(1), CHECK_PLACE);
  await db
    .insertInto('master_key_check')
    .values({ id: 1, sealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const check = await db.selectFrom('master_key_check').select('sealed').where('id', '=', 1).executeTakeFirstOrThrow();
  await openWithKey(masterKey, check.sealed, CHECK_PLACE).catch(() => {
    throw new Error('the master key is not the one that this database was written under');
  });
  const keyRow = (operatorId: string) => db.selectFrom('detector_key').selectAll().where('operator_id', '=', operatorId).executeTakeFirst();
  return {
    put: async (connectionId, credentialRef, credential) => {
      const envelope = await encrypt(masterKey, encodeCredential(credential), credentialPlace(connectionId, credentialRef));
      await db
        .insertInto('secret')
        .values({ credential_ref: credentialRef, connection_id: connectionId, ...envelope })
        .execute();
    },
    open: async (connectionId, credentialRef) => {
      const row = await db
        .selectFrom('secret')
        .select(['wrapped_key', 'ciphertext'])
        .where('credential_ref', '=', credentialRef)
        .where('connection_id', '=', connectionId)
        .executeTakeFirst();
      return row ? decodeCredential(await decrypt(masterKey, row, credentialPlace(connectionId, credentialRef))) : null;
    },
    destroy: async (credentialRef) => {
      await db.deleteFrom('secret').where('credential_ref', '=', credentialRef).execute();
    },
    destroyAll: async (connectionId) => {
      await db.deleteFrom('secret').where('connection_id', '=', connectionId).execute();
    },
    detectorKey: async (operatorId) => {
      const known = await keyRow(operatorId);
      if (known) return decrypt(masterKey, known, detectorKeyPlace(operatorId));
      const envelope = await encrypt(masterKey, randomBytes(KEY_BYTES), detectorKeyPlace(operatorId));
      // Of two that make it at once the first stays; both answer what stands.
      await db
        .insertInto('detector_key')
        .values({ operator_id: operatorId, ...envelope })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const row = await keyRow(operatorId);
      if (!row) throw new Error('a detector key vanished');
      return decrypt(masterKey, row, detectorKeyPlace(operatorId));
    },
  };
}

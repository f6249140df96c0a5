/**
 * The private parts of signing keys: in PostgreSQL, where all instances of the service find them, each sealed under a key that every instance has as a file. A part
 * is there before the log names its key and goes when the key has signed for the last time. Never rebuilt from the log, which has none of it.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { KeysetPurpose } from '@sallyport/contracts/facts/keys.ts';
import { type Ed25519Jwk, thumbprint } from '@sallyport/passport-verify/keys.ts';
import type { Database } from '@sallyport/projections/open-pool.ts';
import { openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';
import type { Tables } from './projections/tables.ts';

export interface NewKey {
  kid: string;
  public_jwk: Ed25519Jwk;
}

export interface SigningKeyStore {
  /** Makes a pair and stores its private part. */
  make(purpose: KeysetPurpose): Promise<NewKey>;
  /** Null: there is no such part, here or anywhere. Throws when the database does not answer. */
  read(kid: string): Promise<KeyObject | null>;
  forget(kid: string): Promise<void>;
}

const context = (kid: string): string => `passports.signing_key.${kid}`;

export async function openSigningKeyStore(secretsDir: string, database: Database<Tables>): Promise<SigningKeyStore> {
  const wrapping = Buffer.from(await secretFile(secretsDir, 'signing-wrapping-key', () => randomBytes(32).toString('hex')), 'hex');
  const { db } = database;
  return {
    make: async (purpose) => {
      const pair = generateKeyPairSync('ed25519');
      const { x } = pair.publicKey.export({ format: 'jwk' });
      if (x === undefined) throw new Error('a new key has no public part');
      const public_jwk: Ed25519Jwk = { kty: 'OKP', crv: 'Ed25519', x };
      const kid = thumbprint(public_jwk);
      const plain = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
      const sealed = await sealWithKey(wrapping, plain, context(kid));
      plain.fill(0);
      await db.insertInto('signing_key').values({ kid, purpose, sealed }).execute();
      return { kid, public_jwk };
    },
    read: async (kid) => {
      const row = await db.selectFrom('signing_key').select('sealed').where('kid', '=', kid).executeTakeFirst();
      if (!row) return null;
      const plain = Buffer.from(await openWithKey(wrapping, row.sealed, context(kid)));
      const key = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
      plain.fill(0);
      return key;
    },
    forget: async (kid) => {
      await db.deleteFrom('signing_key').where('kid', '=', kid).execute();
    },
  };
}

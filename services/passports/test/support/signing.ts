/** Tokens of the platform's own key for what a test wrote into the log by hand: its private part is opened like the service does it. */
import { sign } from 'node:crypto';
import { openPool } from '@sallyport/projections/open-pool.ts';
import { openSigningKeyStore } from '../../src/signing-key-store.ts';
import type { Tables } from '../../src/projections/tables.ts';
import { type Body, record } from './platform.ts';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface SigningPlace {
  database_url: string;
  database_password: string;
  secretsDir: string;
}

/** The token with its claims changed, signed anew by the key that signed it. */
export async function resign(place: SigningPlace, token: string, change: (claims: Body) => Body): Promise<string> {
  const [head = '', payload = ''] = token.split('.');
  const header = record(JSON.parse(Buffer.from(head, 'base64url').toString()));
  const url = new URL(place.database_url);
  url.password = '';
  const database = openPool<Tables>({
    url: url.href,
    password: place.database_password,
    schema: 'passports',
    name: 'test-signing',
    log: silent,
  });
  try {
    const key = await (await openSigningKeyStore(place.secretsDir, database)).read(String(header['kid']));
    if (!key) throw new Error('the signing key is not there');
    const claims = change(record(JSON.parse(Buffer.from(payload, 'base64url').toString())));
    const signed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
  } finally {
    await database.close();
  }
}

/** What sign-in and OAuth work with; made once by `main.ts`. */
import { randomBytes } from 'node:crypto';
import { openWithKey, sealWithKey } from '@sallyport/seal/with-key.ts';
import { secretFile } from '@sallyport/service-kit/secret-file.ts';
import type { Mailer } from './mail.ts';
import { createPace, type Pace } from './pace.ts';
import type { SignerDeps } from '../signing.ts';
import { tokenKeys, type TokenKeys } from './token-keys.ts';

export interface TextSeal {
  seal(text: string): Promise<string>;
  open(sealed: string): Promise<string>;
}

export interface SignIn {
  tokens: TokenKeys;
  /** Authorization requests on their way to the consent page. */
  requests: TextSeal;
  /** Addresses of devices, in facts. */
  addresses: TextSeal;
  pace: Pace;
  /** Null: no mail server is set. */
  mail: Mailer | null;
}

export async function openSignIn(signing: SignerDeps, secretsDir: string, publicUrl: string, mail: Mailer | null): Promise<SignIn> {
  const key = Buffer.from(await secretFile(secretsDir, 'sign-in-seal-key', () => randomBytes(32).toString('hex')), 'hex');
  const tokens = tokenKeys(signing, publicUrl);
  const sealed = (context: string): TextSeal => ({
    seal: (plain) => sealWithKey(key, Buffer.from(plain), context),
    open: async (jwe) => Buffer.from(await openWithKey(key, jwe, context)).toString('utf8'),
  });
  return { tokens, requests: sealed('oauth.request'), addresses: sealed('device.address'), pace: createPace(), mail };
}

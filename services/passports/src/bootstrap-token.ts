/**
 * The one-time token that makes the first operator (api.md §4): a 0600 file, there from the first start until an operator exists. Its text is never logged.
 */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sameText } from './api-keys.ts';
import { readIfThere, secretFile } from '@sallyport/service-kit/secret-file.ts';

export interface BootstrapToken {
  path: string;
  /** Makes the file unless it is there. */
  offer(): Promise<void>;
  isRight(token: string): Promise<boolean>;
  /** Once an operator exists. */
  remove(): Promise<void>;
}

export function bootstrapToken(secretsDir: string): BootstrapToken {
  const name = 'bootstrap-token';
  const path = join(secretsDir, name);
  return {
    path,
    offer: async () => {
      await secretFile(secretsDir, name, () => randomBytes(32).toString('base64url'));
    },
    isRight: async (token) => {
      const right = await readIfThere(path);
      return right !== null && right !== '' && sameText(token, right);
    },
    remove: () => rm(path, { force: true }),
  };
}

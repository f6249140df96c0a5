/** Environment of the vault. `PASSPORT_ISSUER`: the `iss` of passports, default `PUBLIC_URL` (api.md §1.1). */
import { busConfig, databaseConfig, processConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const vaultConfig = Type.Object({
  ...processConfig,
  ...busConfig,
  ...databaseConfig,
  ...secretsConfig,
  PASSPORT_ISSUER: Type.Optional(Type.String({ minLength: 1, description: 'iss of passports' })),
});

/** The environment of this service; read once. */
import { busConfig, type Config, databaseConfig, processConfig, readConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

const schema = Type.Object({
  ...processConfig,
  ...busConfig,
  ...databaseConfig,
  ...secretsConfig,
  PASSPORT_ISSUER: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: '`iss` of passports; default PUBLIC_URL' })),
});

export type PassportsConfig = Config<typeof schema>;

export function passportsConfig(): PassportsConfig {
  return readConfig(schema);
}

/** The environment of this service; read once. */
import { busConfig, type Config, databaseConfig, processConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const passportsConfig = Type.Object({
  ...processConfig,
  ...busConfig,
  ...databaseConfig,
  ...secretsConfig,
  SALLYPORT_SMTP_URL: Type.Optional(Type.String({ pattern: '^smtps?://', description: 'server for mail to people' })),
  SALLYPORT_SMTP_PASSWORD_FILE: Type.Optional(Type.String({ minLength: 1, description: 'of the user in that URL' })),
  SALLYPORT_SMTP_FROM: Type.Optional(Type.String({ minLength: 3, maxLength: 254, description: 'sender of that mail' })),
  PASSPORT_ISSUER: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: '`iss` of passports; default PUBLIC_URL' })),
});

export type PassportsConfig = Config<typeof passportsConfig>;

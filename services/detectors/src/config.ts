/** Environment of the detectors. */
import { busConfig, databaseConfig, processConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const detectorsConfig = Type.Object({
  ...processConfig,
  ...busConfig,
  ...databaseConfig,
  ...secretsConfig,
  PASSPORT_ISSUER: Type.Optional(Type.String({ description: 'given to every service; not used here' })),
});

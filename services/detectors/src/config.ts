/** Environment of a detectors worker. */
import { busConfig, databaseConfig, processConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const detectorsConfig = Type.Object({ ...processConfig, ...busConfig, ...databaseConfig, ...secretsConfig });

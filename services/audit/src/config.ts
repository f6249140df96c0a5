/** Environment of the audit service. */
import { busConfig, databaseConfig, processConfig, secretsConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const auditConfig = Type.Object({ ...processConfig, ...busConfig, ...databaseConfig, ...secretsConfig });

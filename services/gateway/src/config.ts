/** The gateway's settings. */
import { busConfig, processConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';

export const gatewayConfig = Type.Object({
  ...processConfig,
  ...busConfig,
  /** Given to every service; the gateway keeps no secret on disk. */
  SALLYPORT_SECRETS_DIR: Type.Optional(Type.String()),
  SALLYPORT_HTTP_HOST: Type.String({ default: '127.0.0.1', description: 'address of the public port' }),
  SALLYPORT_HTTP_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8787 }),
  SALLYPORT_GATEWAY_SIGN_INS_PER_MINUTE: Type.Integer({ minimum: 1, maximum: 100_000, default: 20, description: 'per address' }),
  SALLYPORT_RATE_LIMITS: Type.Enum(['on', 'off'], { default: 'on', description: 'off: for load tests' }),
  PASSPORT_ISSUER: Type.Optional(Type.String({ minLength: 1, description: '`iss` of passports; PUBLIC_URL unless set' })),
});

/** The gateway's settings. */
import { busConfig, processConfig } from '@sallyport/service-kit/config.ts';
import { Type } from 'typebox';
import { type Bucket, RATES } from './http/rate-limits.ts';

/** Of api.md §1.6. */
const limit = (bucket: Bucket, description: string): ReturnType<typeof Type.Integer> =>
  Type.Integer({ minimum: 1, maximum: 1_000_000, default: RATES[bucket].limit, description });

export const gatewayConfig = Type.Object({
  ...processConfig,
  ...busConfig,
  /** Given to every service; the gateway keeps no secret on disk. */
  SALLYPORT_SECRETS_DIR: Type.Optional(Type.String()),
  SALLYPORT_HTTP_HOST: Type.String({ default: '127.0.0.1', description: 'address of the public port' }),
  SALLYPORT_HTTP_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8787 }),
  SALLYPORT_GATEWAY_CONTROL_CALLS_PER_MINUTE: limit('control', 'per principal'),
  SALLYPORT_GATEWAY_PROXY_CALLS_PER_MINUTE: limit('proxy', 'per agent'),
  SALLYPORT_GATEWAY_ISSUES_PER_MINUTE: limit('issue', 'per agent'),
  SALLYPORT_GATEWAY_VERIFICATIONS_PER_MINUTE: limit('verify', 'per address'),
  SALLYPORT_GATEWAY_ENROLMENTS_PER_HOUR: limit('enrolment', 'per agent'),
  SALLYPORT_GATEWAY_EXPORTS_PER_MINUTE: limit('export', 'per operator'),
  SALLYPORT_GATEWAY_SIGN_INS_PER_MINUTE: limit('sign_in', 'per address'),
  SALLYPORT_GATEWAY_TRUSTED_PROXIES: Type.String({ default: '', description: 'addresses and networks whose X-Forwarded-For is believed' }),
  SALLYPORT_RATE_LIMITS: Type.Enum(['on', 'off'], { default: 'on', description: 'off: for load tests' }),
  PASSPORT_ISSUER: Type.Optional(Type.String({ minLength: 1, description: '`iss` of passports; PUBLIC_URL unless set' })),
});

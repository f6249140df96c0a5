/**
 * How a service is started: its command, its environment, its readiness. The environment is made up of
 * exactly what the service's configuration knows, plus what the system and OpenTelemetry need.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STATEFUL_SERVICES, type StatefulService, serviceUrl } from '@sallyport/infra-postgres/setup.ts';
import type { ProcessSpec } from './processes.ts';

export const SERVICES = ['passports', 'vault', 'audit', 'detectors', 'gateway'] as const;
export type Service = (typeof SERVICES)[number];

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** A gateway makes much garbage that dies at once: a small nursery is enough for it. `infra/images/service.sh` says the same. */
const NODE_OPTIONS: Partial<Record<Service, readonly string[]>> = { gateway: ['--max-semi-space-size=4'] };

/** Arguments of Node, from the repository's folder. */
export function serviceArgs(service: Service): string[] {
  return [...(NODE_OPTIONS[service] ?? []), '--import', '@sallyport/service-kit/telemetry.ts', `services/${service}/src/main.ts`];
}

export type Instance = { service: Service; name: string; internalPort: number; httpPort?: number };

export type Surroundings = {
  dataDir: string;
  natsUrl: string;
  postgresUrl: string;
  publicUrl: string;
  httpHost: string;
  /** what the caller set: SALLYPORT_* for services, PASSPORT_ISSUER, OTEL_*, and the system's own */
  env: NodeJS.ProcessEnv;
};

const SYSTEM = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'NODE_COMPILE_CACHE', 'NO_COLOR'];

/** Of `passports`, which alone writes to people. */
const MAIL = ['SMTP_URL', 'SMTP_PASSWORD_FILE', 'SMTP_FROM'];

/** Read by whoever starts the platform, not by a service. */
const OWN = ['DATA', 'NATS_SERVER', 'NATS_RELEASES', 'HTTP_HOST', 'HTTP_PORT', 'GATEWAYS', 'RATE_LIMITS', 'LOG_LEVEL', ...MAIL].map(
  (name) => `SALLYPORT_${name}`,
);

/** Names with our prefix that nobody reads: a typing error that would otherwise switch nothing on or off. */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const prefixes = SERVICES.map((service) => `SALLYPORT_${service.toUpperCase()}_`);
  return Object.keys(env).filter(
    (name) => name.startsWith('SALLYPORT_') && !OWN.includes(name) && !prefixes.some((prefix) => name.startsWith(prefix)),
  );
}

function isStateful(service: Service): service is StatefulService {
  return STATEFUL_SERVICES.some((name) => name === service);
}

function handedOn(service: Service, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = `SALLYPORT_${service.toUpperCase()}_`;
  const chosen = Object.entries(env).filter(
    ([name]) =>
      SYSTEM.includes(name) ||
      name.startsWith('OTEL_') ||
      name.startsWith(own) ||
      (service === 'passports' && MAIL.some((one) => name === `SALLYPORT_${one}`)) ||
      name === 'PASSPORT_ISSUER' ||
      name === 'SALLYPORT_LOG_LEVEL',
  );
  return Object.fromEntries(chosen);
}

export function secretsDir(dataDir: string, service: Service): string {
  return join(dataDir, 'secrets', service);
}

function serviceEnvironment(instance: Instance, around: Surroundings): NodeJS.ProcessEnv {
  const { service } = instance;
  const secrets = join(around.dataDir, 'secrets');
  return {
    // Code without its types, kept from one start to the next: the compiler that takes them away is then not loaded, some 40 MB of each process.
    NODE_COMPILE_CACHE: join(around.dataDir, 'compile-cache'),
    ...handedOn(service, around.env),
    PUBLIC_URL: around.publicUrl,
    SALLYPORT_INSTANCE: instance.name,
    SALLYPORT_INTERNAL_PORT: String(instance.internalPort),
    SALLYPORT_SECRETS_DIR: secretsDir(around.dataDir, service),
    SALLYPORT_NATS_URL: around.natsUrl,
    SALLYPORT_NATS_USER: service,
    SALLYPORT_NATS_PASSWORD_FILE: join(secrets, 'nats', service),
    ...(isStateful(service)
      ? {
          SALLYPORT_DATABASE_URL: serviceUrl(around.postgresUrl, service),
          SALLYPORT_DATABASE_PASSWORD_FILE: join(secrets, 'postgres', service),
        }
      : {}),
    ...(service === 'gateway'
      ? {
          SALLYPORT_HTTP_HOST: around.httpHost,
          SALLYPORT_HTTP_PORT: String(instance.httpPort),
          ...(around.env['SALLYPORT_RATE_LIMITS'] === undefined ? {} : { SALLYPORT_RATE_LIMITS: around.env['SALLYPORT_RATE_LIMITS'] }),
        }
      : {}),
  };
}

async function readyz(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) });
    await answer.body?.cancel();
    return answer.status === 200;
  } catch {
    return false;
  }
}

export function serviceSpec(instance: Instance, around: Surroundings): ProcessSpec {
  return {
    name: instance.name,
    command: process.execPath,
    args: serviceArgs(instance.service),
    env: serviceEnvironment(instance, around),
    cwd: REPOSITORY,
    stopSignal: 'SIGTERM',
    logFile: join(around.dataDir, 'logs', `${instance.name}.log`),
    ready: () => readyz(instance.internalPort),
  };
}

/** Where the parts of a Compose installation find each other's secrets: one volume for each that reads one. */
import { join } from 'node:path';

export const SERVICES = ['passports', 'vault', 'gateway', 'audit', 'detectors'] as const;
const SECRETS = '/secrets';

/** A service's own volume; its NATS and PostgreSQL passwords lie beside the keys that it makes itself. */
export function serviceSecrets(service: string): string {
  return join(SECRETS, service);
}

export const ADMINISTRATOR = join(SECRETS, 'administrator');
/** Of the administrator on the host. */
export const HOST = join(SECRETS, 'host');
export const NATS = join(SECRETS, 'nats');
export const POSTGRES = join(SECRETS, 'postgres');

/** Names within one such folder. */
export const NATS_PASSWORD = 'nats-password';
export const POSTGRES_PASSWORD = 'postgres-password';

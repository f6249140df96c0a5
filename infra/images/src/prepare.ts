/**
 * First step of a Compose installation, as root, before any server starts: every password, and NATS's
 * configuration. Running it again keeps what is there. A service can read its own volume and no other.
 */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { natsUsers } from '@sallyport/bus/permissions.ts';
import { natsConf } from '@sallyport/infra-nats/nats-conf.ts';
import { STATEFUL_SERVICES } from '@sallyport/infra-postgres/setup.ts';
import { passwordFile } from '@sallyport/local/secrets.ts';
import { ADMINISTRATOR, HOST, NATS, NATS_PASSWORD, POSTGRES, POSTGRES_PASSWORD, SERVICES, serviceSecrets } from './places.ts';

/** `node` in the image of the services. */
const OWNER = 1000;

async function owned(path: string): Promise<void> {
  await chown(path, OWNER, OWNER);
}

async function password(folder: string, name: string): Promise<string> {
  const made = await passwordFile(folder, name);
  await owned(made.path);
  return made.password;
}

for (const folder of [...SERVICES.map(serviceSecrets), ADMINISTRATOR, HOST]) {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  await owned(folder);
}

const passwords: Record<string, string> = {
  admin: await password(ADMINISTRATOR, NATS_PASSWORD),
  host: await password(HOST, NATS_PASSWORD),
};
for (const service of SERVICES) passwords[service] = await password(serviceSecrets(service), NATS_PASSWORD);
for (const service of STATEFUL_SERVICES) await password(serviceSecrets(service), POSTGRES_PASSWORD);

// Its server reads this file as a user of its own image; no other container has the volume but the administrator's step.
await mkdir(POSTGRES, { recursive: true });
const superuser = await passwordFile(POSTGRES, POSTGRES_PASSWORD);
await chmod(superuser.path, 0o444);
await chmod(POSTGRES, 0o755);

await mkdir(NATS, { recursive: true });
const conf = natsConf({ users: natsUsers(), passwords, storeDir: '/data', host: '0.0.0.0', port: 4222 });
await writeFile(join(NATS, 'nats.conf'), conf, { mode: 0o444 });
console.log('passwords and the configuration of NATS are in place');

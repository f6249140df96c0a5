/**
 * Second step of a Compose installation, as soon as NATS and PostgreSQL answer: streams, buckets, roles and
 * schemas. Runs once and ends; services wait for that.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STATEFUL_SERVICES, type StatefulService, setUpDatabase } from '@sallyport/infra-postgres/setup.ts';
import { makeStreams } from '@sallyport/local/streams.ts';
import { ADMINISTRATOR, NATS_PASSWORD, POSTGRES, POSTGRES_PASSWORD, serviceSecrets } from './places.ts';

const PATIENCE_MS = 120_000;
const PAUSE_MS = 500;

async function read(folder: string, name: string): Promise<string> {
  return (await readFile(join(folder, name), 'utf8')).trim();
}

async function untilDone(what: string, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await work();
      console.log(`${what}: done`);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      console.log(`${what}: waiting (${error instanceof Error ? error.message : String(error)})`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const admin = await read(ADMINISTRATOR, NATS_PASSWORD);
const superuser = await read(POSTGRES, POSTGRES_PASSWORD);
const passwords: Record<StatefulService, string> = { passports: '', vault: '', audit: '', detectors: '' };
for (const service of STATEFUL_SERVICES) passwords[service] = await read(serviceSecrets(service), POSTGRES_PASSWORD);

await untilDone('streams', () => makeStreams('nats://nats:4222', admin));
await untilDone('schemas', () => setUpDatabase(`postgres://postgres:${superuser}@postgres:5432/postgres`, passwords));

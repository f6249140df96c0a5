/**
 * The PostgreSQL of a test run: not durable, set up once, its database the template that each test file clones.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setUpDatabase, type StatefulService } from '@sallyport/infra-postgres/setup.ts';
import { removeCluster, type StartedPostgres, startPostgres } from './postgres.ts';

// Of no worth outside a test run: the server listens on loopback and is thrown away.
export const testPasswords: Record<StatefulService, string> = {
  passports: 'passports',
  vault: 'vault',
  audit: 'audit',
  detectors: 'detectors',
};

export async function testServer(dir: string): Promise<StartedPostgres> {
  // Made here, for PostgreSQL's own user to pass through.
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o711);
  const server = await startPostgres({ dir: join(dir, 'postgres'), secretsDir: join(dir, 'secrets'), fsync: false });
  await setUpDatabase(server.url, testPasswords);
  return {
    ...server,
    async stop(graceMs) {
      await server.stop(graceMs);
      await removeCluster(join(dir, 'postgres'));
    },
  };
}

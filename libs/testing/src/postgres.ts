/**
 * A database of its own for a test file, on a real PostgreSQL. Under the runner all files share one server
 * (`TEST_DATABASE_URL`) and each clones its template; a file that runs alone starts a server and stops it.
 */
import { randomBytes } from 'node:crypto';
import { testPasswords as passwords, testServer } from '@sallyport/local/test-server.ts';
import { DATABASE, type StatefulService, serviceUrl, setUpDatabase } from '@sallyport/infra-postgres/setup.ts';
import pg from 'pg';
import { removeFolder, scratchFolder } from './folders.ts';

export type TestPostgres = {
  name: string;
  /** as superuser, database `postgres` */
  adminUrl: string;
  passwords: Record<StatefulService, string>;
  /** as one service, password included */
  url(service: StatefulService): string;
  stop(): Promise<void>;
};

export async function withPostgres(): Promise<TestPostgres> {
  const shared = process.env['TEST_DATABASE_URL'];
  const folder = shared ? undefined : await scratchFolder('postgres');
  const server = folder ? await testServer(folder) : undefined;
  const adminUrl = shared ?? server?.url ?? '';
  const name = `test_${randomBytes(6).toString('hex')}`;
  await setUpDatabase(adminUrl, passwords, name, DATABASE);
  return {
    name,
    adminUrl,
    passwords,
    url(service) {
      const url = new URL(serviceUrl(adminUrl, service, name));
      url.password = passwords[service];
      return url.href;
    },
    async stop() {
      if (server && folder) {
        await server.stop();
        removeFolder(folder);
        return;
      }
      const client = new pg.Client({ connectionString: adminUrl });
      await client.connect();
      await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
      await client.end();
    },
  };
}

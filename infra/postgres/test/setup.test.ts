import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import pg from 'pg';
import { STATEFUL_SERVICES, setUpDatabase } from '../src/setup.ts';

let database: TestPostgres;
before(async () => {
  database = await withPostgres();
});
after(() => database.stop());

async function as<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('given a service role, when it makes a table without naming a schema, then the table is in its own schema', async () => {
  const found = await as(database.url('vault'), async (client) => {
    await client.query('create table kept (id int)');
    return client.query(`select schemaname from pg_tables where tablename = 'kept'`);
  });
  assert.deepEqual(found.rows, [{ schemaname: 'vault' }]);
});

test('given each role, when it looks into each other schema or makes objects in public, then it is refused', async () => {
  await as(database.url('vault'), (client) => client.query('create table if not exists hidden (id int)'));
  for (const service of STATEFUL_SERVICES.filter((name) => name !== 'vault')) {
    await assert.rejects(
      as(database.url(service), (client) => client.query('select * from vault.hidden')),
      /permission denied/,
    );
    await assert.rejects(
      as(database.url(service), (client) => client.query('create table vault.mine (id int)')),
      /permission denied/,
    );
    await assert.rejects(
      as(database.url(service), (client) => client.query('create table public.mine (id int)')),
      /permission denied/,
    );
  }
});

test('given a database that is set up, when set up again, then nothing is lost', async () => {
  await as(database.url('audit'), (client) => client.query('create table if not exists lasting (id int)'));
  await setUpDatabase(database.adminUrl, database.passwords, database.name);
  await as(database.url('audit'), (client) => client.query('select * from lasting'));
});

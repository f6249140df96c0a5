/**
 * The database `sallyport`: one login role and one schema of its own for each service that keeps state.
 * Guarantees: running it again changes nothing but passwords; no role may look into another's schema or make
 * objects in `public`. Tables are not its business: each service migrates its own schema.
 */
import pg from 'pg';

export const STATEFUL_SERVICES = ['passports', 'vault', 'audit', 'detectors'] as const;
export type StatefulService = (typeof STATEFUL_SERVICES)[number];

export const DATABASE = 'sallyport';
const LOCK = 7_255_597;

/** `adminUrl` pointing at another database of the same server. */
function databaseUrl(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** What a service is told: no password, that comes as a file. */
export function serviceUrl(adminUrl: string, service: StatefulService, database: string = DATABASE): string {
  const url = new URL(databaseUrl(adminUrl, database));
  url.username = service;
  url.password = '';
  return url.href;
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function role(client: pg.Client, service: StatefulService, password: string): Promise<void> {
  const name = pg.escapeIdentifier(service);
  const known = await client.query('select 1 from pg_roles where rolname = $1', [service]);
  if (known.rowCount === 0) await client.query(`create role ${name}`);
  await client.query(
    `alter role ${name} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password ${pg.escapeLiteral(password)}`,
  );
  await client.query(`alter role ${name} set search_path = ${name}`);
}

/** Roles and passwords, for the whole server; the database `database` with its schemas and rights. */
export async function setUpDatabase(
  adminUrl: string,
  passwords: Readonly<Record<StatefulService, string>>,
  database: string = DATABASE,
  template?: string,
): Promise<void> {
  const quoted = pg.escapeIdentifier(database);
  await connected(adminUrl, async (client) => {
    // Roles are the server's: two set-ups at once would collide on them.
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    for (const service of STATEFUL_SERVICES) await role(client, service, passwords[service]);
    const known = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (known.rowCount === 0) {
      const from = template === undefined ? '' : ` template ${pg.escapeIdentifier(template)}`;
      await client.query(`create database ${quoted}${from}`);
    }
    await client.query(`revoke all on database ${quoted} from public`);
    for (const service of STATEFUL_SERVICES) {
      await client.query(`grant connect, temporary on database ${quoted} to ${pg.escapeIdentifier(service)}`);
    }
    await client.query('select pg_advisory_unlock($1)', [LOCK]);
  });
  await connected(databaseUrl(adminUrl, database), async (client) => {
    await client.query('revoke all on schema public from public');
    for (const service of STATEFUL_SERVICES) {
      const name = pg.escapeIdentifier(service);
      // An administrator that is no superuser must be a member of a role to give it a schema.
      await client.query(`grant ${name} to current_user`);
      await client.query(`create schema if not exists ${name} authorization ${name}`);
      await client.query(`revoke all on schema ${name} from public`);
    }
  });
}

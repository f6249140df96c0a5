/**
 * Connections to a service's own schema. Owns the pool; nothing here retries. Sequences of the ledger are `bigint` columns and come as numbers: they stay
 * far below 2^53.
 */
import { errorFields, type Log } from '@sallyport/bus/log.ts';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';

export interface Database<DB> {
  db: Kysely<DB>;
  /** Connections of their own for what follows the log: however much they are behind, a question finds one of `db`. */
  followers: Kysely<DB>;
  pool: pg.Pool;
  schema: string;
  /** For `/readyz`; throws what the database says. */
  check(): Promise<'ok'>;
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Without password. */
  url: string;
  password: string;
  /** The service's schema; first and only in the search path. */
  schema: string;
  /** Shown by PostgreSQL beside each connection. */
  name: string;
  log: Log;
}

const INT8 = pg.types.builtins.INT8;
const CONNECTIONS = 10;
const CONNECT_MS = 5_000;
const STATEMENT_MS = 60_000;
/** A process that is paused inside a transaction must not keep its locks: whoever takes over waits for them. */
const IDLE_MS = 5_000;

export function openPool<DB>({ url, password, schema, name, log }: PoolOptions): Database<DB> {
  if (!/^[a-z_]{1,32}$/.test(schema)) throw new RangeError('not a schema name');
  const target = new URL(url);
  target.password = encodeURIComponent(password);
  const options = {
    connectionString: target.href,
    application_name: name,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_MS,
    options: `-c search_path=${schema}`,
    types: { getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  };
  const lost = (error: Error): void => log.warn(errorFields(error), 'a connection to PostgreSQL was lost');
  // A connection that breaks must not end the process, neither idle nor in use: who uses it gets the error of the query.
  const open = (): pg.Pool => {
    const pool = new pg.Pool(options);
    pool.on('error', lost);
    pool.on('connect', (client) => void client.on('error', lost));
    return pool;
  };
  const pool = open();
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  const followers = new Kysely<DB>({ dialect: new PostgresDialect({ pool: open() }) });
  return {
    db,
    followers,
    pool,
    schema,
    async check() {
      await pool.query('select 1');
      return 'ok';
    },
    async close() {
      await Promise.all([db.destroy(), followers.destroy()]);
    },
  };
}

/**
 * Tables of a service, made by numbered steps. Guarantees that each step runs once, in order, with its record in one transaction, however many processes
 * start at the same time. A step that was published never changes; what differs is a new step.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from './open-pool.ts';
import { LIBRARY_STEPS } from './tables.ts';

export interface Step {
  /** Says what it does; a later start refuses when the name of a recorded step has changed. */
  name: string;
  /** SQL, several statements allowed; tables go into the service's schema by the search path. */
  up: string;
}

/** Brings the schema to the last step; also makes the tables of this library (cursor, lease, dead_letter). */
export async function migrate<DB>(database: Database<DB>, steps: readonly Step[]): Promise<void> {
  await database.db.connection().execute(async (connection) => {
    const lock = sql`hashtextextended(${`sallyport migrate ${database.schema}`}, 0)`;
    await sql`select pg_advisory_lock(${lock})`.execute(connection);
    try {
      await sql`
        create table if not exists migration (
          part text, number int, name text not null, at timestamptz not null default now(), primary key (part, number)
        )`.execute(connection);
      await runSteps(connection, 'projections', LIBRARY_STEPS);
      await runSteps(connection, 'service', steps);
    } finally {
      await sql`select pg_advisory_unlock(${lock})`.execute(connection);
    }
  });
}

async function runSteps<DB>(connection: Kysely<DB>, part: string, steps: readonly Step[]): Promise<void> {
  const recorded = await sql<{ number: number; name: string }>`
    select number, name from migration where part = ${part} order by number`.execute(connection);
  if (recorded.rows.length > steps.length)
    throw new Error(`the database is newer than this program: step ${recorded.rows.length} of ${part} is unknown`);
  for (const [index, step] of steps.entries()) {
    const number = index + 1;
    const done = recorded.rows[index];
    if (done && (done.number !== number || done.name !== step.name)) {
      throw new Error(`step ${number} of ${part} was "${done.name}" and is now "${step.name}"`);
    }
    if (done) continue;
    await connection.transaction().execute(async (tx) => {
      await sql.raw(step.up).execute(tx);
      await sql`insert into migration (part, number, name) values (${part}, ${number}, ${step.name})`.execute(tx);
    });
  }
}

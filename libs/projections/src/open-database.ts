/** A service's schema, open and brought to its last step before anything else looks at it. */
import type { Log } from '@sallyport/bus/log.ts';
import { migrate, type Step } from './migrate.ts';
import { type Database, openPool } from './open-pool.ts';

interface Settings {
  SALLYPORT_DATABASE_URL: string;
  SALLYPORT_DATABASE_PASSWORD: string;
}

interface Opener {
  instance: string;
  log: Log;
  shutdown: { add(name: string, close: () => unknown): void };
}

/** Closed at the end of the process, as `process` says. */
export async function openDatabase<DB>(process: Opener, config: Settings, schema: string, steps: readonly Step[]): Promise<Database<DB>> {
  const { instance, log, shutdown } = process;
  const database = openPool<DB>({
    url: config.SALLYPORT_DATABASE_URL,
    password: config.SALLYPORT_DATABASE_PASSWORD,
    schema,
    name: instance,
    log,
  });
  shutdown.add('database', database.close);
  await migrate(database, steps);
  return database;
}

/** A read model without any guard of its own: a row per fact, and nothing that would refuse a second one. */
import type { Bus } from '@sallyport/bus/connect.ts';
import { append } from '@sallyport/bus/append.ts';
import type { Log } from '@sallyport/bus/log.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { migrate } from '../../src/migrate.ts';
import { type Database, openPool } from '../../src/open-pool.ts';
import type { ProjectionOptions } from '../../src/options.ts';

export interface Tables {
  row: { seq: number; operator_id: string; type: string; holder: string };
}

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export async function openRows(url: string): Promise<Database<Tables>> {
  const target = new URL(url);
  const { password, username } = target;
  target.password = '';
  const database = openPool<Tables>({ url: target.href, password, schema: username, name: 'test', log: silent });
  await migrate(database, [
    { name: 'row', up: 'create table row (seq bigint not null, operator_id text not null, type text not null, holder text not null)' },
  ]);
  return database;
}

export function rowsProjection(
  database: Database<Tables>,
  bus: Bus,
  more: Partial<ProjectionOptions<Tables>> = {},
): ProjectionOptions<Tables> {
  const holder = more.holder ?? 'one';
  return {
    name: 'rows',
    database,
    bus,
    holder,
    log: silent,
    filters: (partition) => [`ledger.${partition}.*.agent.*`],
    reset: async (tx) => void (await tx.deleteFrom('row').execute()),
    handle: async (tx, entries) => {
      const rows = entries.flatMap((entry) =>
        entry.facts().map(({ operator_id, type }) => ({ seq: entry.seq, operator_id, type, holder })),
      );
      await tx.insertInto('row').values(rows).execute();
    },
    ...more,
  };
}

let count = 0;

/** Appends one fact about an agent (or another kind) of this operator; answers its sequence. */
export async function write(bus: Bus, operator_id: string, type = 'agent.changed', kind = 'agent'): Promise<number> {
  const id = `evt_${++count}`;
  const fact = { id, type, v: 1, at: 1, operator_id, actor: { type: 'system' as const, id: 'test' }, data: {} };
  const result = await append(bus, [
    { subject: aggregateSubject(operator_id, kind, `agt_${count}`), facts: [fact], id: `${operator_id}-${id}` },
  ]);
  if (!('seq' in result)) throw new Error('conflict');
  return result.seq;
}

export async function writeMany(bus: Bus, operators: readonly string[], each: number): Promise<number[]> {
  const written = await Promise.all(operators.flatMap((operator) => Array.from({ length: each }, () => write(bus, operator))));
  return written.sort((a, b) => a - b);
}

export async function sequences(database: Database<Tables>): Promise<number[]> {
  const rows = await database.db.selectFrom('row').select('seq').orderBy('seq').execute();
  return rows.map(({ seq }) => seq);
}

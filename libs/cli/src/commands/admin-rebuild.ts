/**
 * `sallyport admin rebuild <model>`: asks the processes of a read model to empty it and to make it again from the ledger (`libs/projections`), and waits
 * until they have. Interrupted, it leaves them at work: what was asked is done, also when they start later.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type Database, openPool } from '@sallyport/projections/open-pool.ts';
import { askRebuild, modelNames, rebuildState } from '@sallyport/projections/rebuilds.ts';
import { type LibraryTables, libraryTables } from '@sallyport/projections/tables.ts';
import type { Command } from '../command.ts';
import { CommandFailed, EXIT } from '../exit.ts';
import { type HostPlatform, hostPlatform } from '../platform.ts';

const POLL_MS = 200;
const DEFAULT_TIMEOUT_SECONDS = 600;

export const rebuild: Command = {
  words: ['admin', 'rebuild'],
  args: ['[model]'],
  summary: 'empties a read model and makes it again from the ledger; without a model, lists them',
  help: [
    'A read model holds nothing that the ledger would not give back: rows, hashes and numbers are the same afterwards.',
    'Until it is complete, lists are incomplete; calls go on. Its service must be running, or does it when it starts.',
    '--timeout <seconds>: how long to wait for the end (600).',
  ].join('\n'),
  options: { timeout: { type: 'string' } },
  run: async ({ args: [wanted], values, env, out, signal }) => {
    const seconds = Number(values['timeout'] ?? DEFAULT_TIMEOUT_SECONDS);
    if (!(seconds > 0)) throw new CommandFailed(EXIT.usage, '--timeout takes a number of seconds');
    const models = await openModels(await hostPlatform(env));
    try {
      const names = [...models.keys()];
      if (wanted === undefined) {
        out.result({ models: names }, names.join('\n'));
        return EXIT.done;
      }
      const database = models.get(wanted);
      if (!database) throw new CommandFailed(EXIT.not_found, `there is no read model ${wanted}; there are ${names.join(', ') || 'none'}`);
      const began = performance.now();
      const done = await rebuilt(database, wanted.slice(wanted.indexOf('.') + 1), {
        until: began + seconds * 1_000,
        signal,
        begun: () => out.say(`${wanted} is empty and is made again`),
      });
      const took = Math.round(performance.now() - began);
      out.result({ model: wanted, done, ms: took });
      if (!done)
        throw new CommandFailed(EXIT.failure, `${wanted} is not complete after ${seconds} s; it goes on by itself while its service runs`);
      out.say(`${wanted} is complete again after ${(took / 1_000).toFixed(1)} s`);
      return EXIT.done;
    } finally {
      await Promise.all([...new Set(models.values())].map((database) => database.close()));
    }
  },
};

async function rebuilt(
  database: Database<LibraryTables>,
  name: string,
  { until, signal, begun }: { until: number; signal: AbortSignal; begun: () => void },
): Promise<boolean> {
  const db = libraryTables(database.db);
  await askRebuild(db, name);
  let told = false;
  while (performance.now() < until) {
    const state = await rebuildState(db, name);
    if (state?.done) return true;
    if (!told && state?.begun != null) {
      told = true;
      begun();
    }
    await pause(POLL_MS, undefined, { signal });
  }
  return false;
}

/** `schema.name` → the database that holds it. */
async function openModels(platform: HostPlatform): Promise<Map<string, Database<LibraryTables>>> {
  const models = new Map<string, Database<LibraryTables>>();
  for (const [schema, { url, password_file }] of platform.databases) {
    const password = (await readFile(password_file, 'utf8')).trim();
    const quiet = (): void => undefined;
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const database = openPool<LibraryTables>({ url, password, schema, name: 'sallyport', log });
    const names = await modelNames(libraryTables(database.db)).catch(async (error: unknown) => {
      await Promise.all([database, ...new Set(models.values())].map((one) => one.close()));
      throw new CommandFailed(
        EXIT.unreachable,
        `the database of ${schema} (found by ${platform.source}) cannot be asked: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    if (names.length === 0) await database.close();
    for (const name of names) models.set(`${schema}.${name}`, database);
  }
  return models;
}

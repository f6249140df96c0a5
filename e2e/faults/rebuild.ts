/** Every read model is emptied, its cursor put back, its service killed: it must come back the same, byte for byte. */
import assert from 'node:assert/strict';
import { eventually } from '@sallyport/testing/time.ts';
import { pause } from './load.ts';
import type { World } from './world.ts';

const MODELS: { schema: string; name: string; tables: string[] }[] = [
  { schema: 'audit', name: 'rows', tables: ['rows'] },
  { schema: 'audit', name: 'calls', tables: ['operations', 'approvals', 'counts', 'attempts'] },
  { schema: 'passports', name: 'model', tables: ['agent', 'connection', 'mission', 'passport', 'review', 'checkpoint'] },
  { schema: 'passports', name: 'members', tables: ['member', 'member_passport'] },
  { schema: 'passports', name: 'usage', tables: ['mission_usage', 'service_usage', 'open_attempt', 'passport_usage'] },
  { schema: 'detectors', name: 'security_events', tables: ['security_events'] },
  { schema: 'vault', name: 'connections', tables: ['connections'] },
];

/** Followers with a cursor and no tables: what they do stands in the log. */
const CONSUMERS = ['timers', 'cascade', 'signals', 'reviews', 'keys', 'removals'];

const REBUILT_MS = 60_000;
const QUIET_MS = 500;

type Row = { content: string };

export async function rebuildAll(world: World): Promise<number> {
  const contentOf = async ({ schema, tables }: (typeof MODELS)[number]): Promise<string[]> => {
    const found = await Promise.all(
      tables.map((table) => world.witness.query<Row>(`select '${table} ' || t::text as content from ${schema}.${table} t order by 1`)),
    );
    return found.flat().map((row) => row.content);
  };
  await assertAllNamed(world);
  const all = async (): Promise<Map<string, string[]>> => {
    const found = new Map<string, string[]>();
    for (const model of MODELS) found.set(`${model.schema}.${model.name}`, await contentOf(model));
    return found;
  };
  // A read model that is behind the log would come back with more than it had.
  const before = await eventually(async () => {
    const [log, found] = [(await world.witness.stream()).length, await all()];
    await pause(QUIET_MS);
    assert.deepEqual([(await world.witness.stream()).length, await all()], [log, found], 'the log or a read model still moves');
    return found;
  });
  for (const { schema, name, tables } of MODELS)
    await world.witness.query(
      `begin; update ${schema}.cursor set seq = 0 where name = '${name}'; truncate ${tables.map((table) => `${schema}.${table}`).join(', ')}; commit`,
    );
  await Promise.all([...new Set(MODELS.map(({ schema }) => schema))].map((name) => world.kill(name)));
  let rows = 0;
  for (const model of MODELS) {
    const wanted = before.get(`${model.schema}.${model.name}`) ?? [];
    await eventually(async () => same(`${model.schema}.${model.name}`, await contentOf(model), wanted), {
      timeoutMs: REBUILT_MS,
      everyMs: 500,
    });
    rows += wanted.length;
  }
  world.say(`${MODELS.length} read models rebuilt: ${rows} rows as before`);
  return rows;
}

/** A read model that is new must be compared too. */
async function assertAllNamed(world: World): Promise<void> {
  for (const schema of new Set(MODELS.map((model) => model.schema))) {
    const followed = await world.witness.query<{ name: string }>(`select distinct name from ${schema}.cursor`);
    const known = MODELS.filter((model) => model.schema === schema).map(({ name }) => name);
    const unknown = followed.map(({ name }) => name).filter((name) => !known.includes(name) && !CONSUMERS.includes(name));
    assert.deepEqual(unknown, [], `read models of ${schema} that nobody compares`);
  }
}

function same(model: string, after: readonly string[], before: readonly string[]): void {
  assert.equal(after.length, before.length, `${model}: ${after.length} rows of ${before.length}`);
  const different = after.findIndex((row, index) => row !== before[index]);
  assert.equal(different, -1, `${model}: ${after[different]} was ${before[different]}`);
}

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Entry } from '@sallyport/bus/follow.ts';
import { aggregateSubject, partitionOf } from '@sallyport/bus/subjects.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { apply, type Held } from '../src/apply.ts';
import { claimCursor, Fenced, readCursor, takeFence } from '../src/cursors.ts';
import { migrate } from '../src/migrate.ts';
import type { Database } from '../src/open-pool.ts';
import { libraryTables } from '../src/tables.ts';
import { openRows, rowsProjection, sequences, type Tables } from './support/rows.ts';

let postgres: TestPostgres;
let database: Database<Tables>;
const partition = partitionOf('op_a');
let names = 0;
let name = '';

before(async () => {
  postgres = await withPostgres();
  database = await openRows(postgres.url('passports'));
});

after(async () => {
  await database?.close();
  await postgres?.stop();
});

beforeEach(async () => {
  name = `cursors_${++names}`;
  await database.db.deleteFrom('row').execute();
});

function entry(seq: number): Entry {
  const fact = {
    id: 'evt_1',
    type: 'agent.changed',
    v: 1,
    at: 1,
    operator_id: 'op_a',
    actor: { type: 'system' as const, id: 'test' },
    data: {},
  };
  return {
    seq,
    subject: aggregateSubject('op_a', 'agent', `agt_${seq}`),
    ts_ms: 1,
    ts_ns: () => 1n,
    header: () => undefined,
    facts: () => [fact],
    size: 1,
  };
}

async function holder(fence: number): Promise<(seqs: number[]) => Promise<void>> {
  const cursor = await claimCursor(libraryTables(database.db), name, partition, fence);
  assert.notEqual(cursor, null);
  const partitions = new Map<number, Held>([[partition, { partition, fence, cursor: cursor ?? 0 }]]);
  // No bus: what a holder has received is given to it here.
  const options = rowsProjection(database, {} as Bus, { name });
  return (seqs) => apply(options, { partitions, goOn: () => true, committed: () => undefined }, seqs.map(entry));
}

test('given a holder that was overtaken and does not know it, nothing that it writes stays', async () => {
  const old = await holder(1);
  await old([1, 2]);
  const next = await holder(2);
  await assert.rejects(old([3, 4]), Fenced);
  await next([3]);
  await assert.rejects(old([3, 4]), Fenced);
  assert.deepEqual(await sequences(database), [1, 2, 3]);
  assert.equal(await readCursor(libraryTables(database.db), name, partition), 3);
});

test('given a cursor that was set back under a holder, it writes nothing before it has read it again', async () => {
  const one = await holder(1);
  await one([1, 2]);
  await libraryTables(database.db).updateTable('cursor').set({ seq: 0 }).where('name', '=', name).execute();
  await assert.rejects(one([3]), Fenced);
  assert.deepEqual(await sequences(database), [1, 2]);
});

test('given two transactions at once for the same entries, one of them wins', async () => {
  const [a, b] = await Promise.all([holder(1), holder(1)]);
  const results = await Promise.allSettled([a([1, 2, 3]), b([1, 2, 3])]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.deepEqual(await sequences(database), [1, 2, 3]);
});

test('given an earlier number, a cursor cannot be claimed', async () => {
  await holder(5);
  assert.equal(await claimCursor(libraryTables(database.db), name, partition, 4), null);
});

test('given any number of takers, no fencing number is given twice', async () => {
  const numbers = await Promise.all(Array.from({ length: 20 }, () => takeFence(libraryTables(database.db), name)));
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

test('given several processes that migrate at once, each step runs once; a renamed or unknown step is refused', async () => {
  const done = { name: 'row', up: 'select 1/0' };
  const steps = [done, { name: 'more', up: 'create table more (id int); insert into more values (1)' }];
  await Promise.all([1, 2, 3].map(() => migrate(database, steps)));
  assert.equal((await database.pool.query('select * from more')).rowCount, 1);
  await assert.rejects(migrate(database, [{ name: 'other', up: '' }, ...steps.slice(1)]), /step 1 of service was "row" and is now "other"/);
  await assert.rejects(migrate(database, [done]), /newer than this program/);
  await assert.rejects(migrate(database, [...steps, { name: 'broken', up: 'create table half (id int); select 1/0' }]));
  assert.deepEqual((await database.pool.query(`select to_regclass('half') as found`)).rows, [{ found: null }]);
});

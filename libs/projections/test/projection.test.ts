import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { partitionOf } from '@sallyport/bus/subjects.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Database } from '../src/open-pool.ts';
import { eachEntry, type ProjectionOptions } from '../src/options.ts';
import { createProjection, type Projection } from '../src/projection.ts';
import { askRebuild, rebuildState } from '../src/rebuilds.ts';
import { libraryTables } from '../src/tables.ts';
import { openRows, rowsProjection, sequences, silent, type Tables, write, writeMany } from './support/rows.ts';

let nats: TestNats;
let postgres: TestPostgres;
let database: Database<Tables>;
let bus: Bus;
let written: number[];
const running: Projection[] = [];
/** Of each pool. */
const CONNECTIONS = 10;
const STORM = 12;
const OPERATORS = ['op_a', 'op_b', 'op_c', 'op_d'];

before(async () => {
  nats = await withNats();
  postgres = await withPostgres();
  database = await openRows(postgres.url('passports'));
  bus = await connectBus({ url: nats.url, user: 'passports', password: nats.passwords['passports'] ?? '', name: 'test', log: silent });
  written = await writeMany(bus, OPERATORS, 20);
});

after(async () => {
  await bus?.close();
  await database?.close();
  await postgres?.stop();
  await nats?.stop();
});

let names = 0;
let name = '';
beforeEach(() => {
  name = `rows_${++names}`;
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((projection) => projection.stop()));
  await database.db.deleteFrom('row').execute();
});

function start(more: Partial<ProjectionOptions<Tables>> = {}, over: Bus = bus): Projection {
  const projection = createProjection(rowsProjection(database, over, { name, ...more }));
  running.push(projection);
  return projection;
}

async function settled(projection: Projection): Promise<number[]> {
  const last = written.at(-1) ?? 0;
  assert.equal(await projection.waitForAll(last, 20_000), true);
  return sequences(database);
}

test('given a ledger, each of its entries is applied once, many in one transaction', async () => {
  const batches: number[] = [];
  const plain = rowsProjection(database, bus);
  const projection = start({
    handle: (tx, entries) => {
      batches.push(entries.length);
      return plain.handle(tx, entries);
    },
  });
  assert.deepEqual(await settled(projection), written);
  assert.ok(batches.length < written.length / 2, `${batches.length} transactions`);
  // It begins anew where it takes its partitions one after another.
  await eventually(() => assert.equal(projection.check(), 'ok'));
});

test('given more read models than connections, all waiting inside their transactions for the ledger, a question is answered at once', async () => {
  const gate = Promise.withResolvers<void>();
  let inside = 0;
  try {
    for (let one = 0; one < STORM; one++) {
      start({
        name: `${name}_${one}`,
        handle: async () => {
          inside++;
          await gate.promise;
        },
      });
    }
    // As many as there are connections wait; the others wait for a connection.
    await eventually(() => inside >= CONNECTIONS);
    const begun = performance.now();
    const answers = await Promise.all(Array.from({ length: 5 }, () => database.db.selectFrom('row').selectAll().execute()));
    assert.equal(answers.length, 5);
    assert.ok(performance.now() - begun < 2_000, `after ${performance.now() - begun} ms`);
  } finally {
    gate.resolve();
  }
});

test('given a network that delivers every message twice, no row appears twice', async () => {
  const twice: Bus = {
    ...bus,
    nc: new Proxy(bus.nc, {
      get: (target, key) => {
        if (key !== 'subscribe') return Reflect.get(target, key).bind?.(target) ?? Reflect.get(target, key);
        return (subject: string, options: { callback: (...message: unknown[]) => void }) => {
          const callback = (...message: unknown[]): void => {
            options.callback(...message);
            options.callback(...message);
          };
          return Reflect.apply(target.subscribe, target, [subject, { ...options, callback }]);
        };
      },
    }),
  };
  assert.deepEqual(await settled(start({}, twice)), written);
});

test('given a handler that fails three times in the middle, nothing is lost, doubled or passed', async () => {
  const middle = written[37];
  let failures = 0;
  const plain = rowsProjection(database, bus);
  const projection = start({
    handle: async (tx, entries) => {
      await plain.handle(tx, entries);
      if (entries.length === 1 && entries[0]?.seq === middle && failures < 3) {
        failures++;
        throw new Error('not now');
      }
      if (entries.length > 1 && entries.some(({ seq }) => seq === middle)) throw new Error('not in a batch');
    },
  });
  assert.deepEqual(await settled(projection), written);
  assert.equal(failures, 3);
  assert.deepEqual(await database.pool.query('select 1 from dead_letter').then(({ rowCount }) => rowCount), 0);
});

test('given entries that lead to something elsewhere, it is done before their transaction, and again when that fails', async () => {
  const done: string[] = [];
  const plain = rowsProjection(database, bus);
  let failures = 0;
  const projection = start({
    act: async (entries) => {
      done.push(`act ${entries.at(-1)?.seq}`);
    },
    handle: async (tx, entries) => {
      done.push(`handle ${entries.at(-1)?.seq}`);
      if (entries.length === 1 && failures++ < 1) throw new Error('not now');
      if (entries.length > 1) throw new Error('not in a batch');
      await plain.handle(tx, entries);
    },
  });
  assert.deepEqual(await settled(projection), written);
  assert.equal(failures, written.length + 1);
  for (const [index, step] of done.entries()) if (index % 2 === 1) assert.equal(step, done[index - 1]?.replace('act', 'handle'));
  assert.equal(done.filter((step) => step === `act ${written[0]}`).length, 2);
});

test('given an entry that can never be handled, it becomes a dead letter and the rest goes on', async () => {
  const poison = written[10];
  const plain = rowsProjection(database, bus);
  const counts: unknown[] = [];
  const projection = start({
    tries: 2,
    metrics: { counter: () => (labels) => void counts.push(labels), gauge: () => undefined },
    handle: eachEntry(async (tx, entry) => {
      if (entry.seq === poison) throw new Error('this one never');
      await plain.handle(tx, [entry]);
    }),
  });
  assert.deepEqual(
    await settled(projection),
    written.filter((seq) => seq !== poison),
  );
  const letters = await database.pool.query('select name, seq, error from dead_letter');
  assert.deepEqual(letters.rows, [{ name, seq: poison, error: 'Error: this one never' }]);
  assert.deepEqual(counts, [{ projection: name, outcome: 'dead_letter' }]);
});

test('given poison in a read model that may not have a hole, its partition stops there and the others go on', async () => {
  const operator = OPERATORS[0] ?? '';
  const plain = rowsProjection(database, bus);
  let seen = 0;
  const projection = start({
    tries: 2,
    stop_on_poison: true,
    handle: eachEntry(async (tx, entry) => {
      if (entry.facts()[0]?.operator_id === operator && seen++ >= 5) throw new Error('this one never');
      await plain.handle(tx, [entry]);
    }),
  });
  await eventually(() => projection.stopped().length > 0, { timeoutMs: 20_000 });
  const [stopped] = projection.stopped();
  assert.equal(projection.stopped().length, 1);
  assert.deepEqual(
    { ...stopped, seq: 0, subject: '' },
    {
      partition: partitionOf(operator),
      seq: 0,
      subject: '',
      operator_id: operator,
      fact_types: ['agent.changed'],
      error: 'Error: this one never',
    },
  );
  assert.ok(written.includes(stopped?.seq ?? 0));
  const last = written.at(-1) ?? 0;
  assert.equal(await projection.waitFor('op_b', last, 10_000), true);
  assert.equal(await projection.waitFor(operator, last, 200), false);
});

test('given an outage of the database, entries wait for its end and none becomes a dead letter', async () => {
  const plain = rowsProjection(database, bus);
  let broken = 0;
  const projection = start({
    tries: 1,
    handle: async (tx, entries) => {
      if (broken++ < 4)
        await tx.executeQuery({
          sql: 'select pg_terminate_backend(pg_backend_pid())',
          parameters: [],
          query: { kind: 'RawNode', sqlFragments: [], parameters: [] },
          queryId: { queryId: 'x' },
        });
      await plain.handle(tx, entries);
    },
  });
  assert.deepEqual(await settled(projection), written);
  assert.ok(broken >= 5);
});

test('given a rebuild, the read model is what it was', async () => {
  const projection = start();
  await settled(projection);
  const before = await database.db.selectFrom('row').selectAll().orderBy('seq').execute();
  await database.db.deleteFrom('row').where('operator_id', '=', 'op_b').execute();
  await projection.rebuild();
  assert.deepEqual(await database.db.selectFrom('row').selectAll().orderBy('seq').execute(), before);
});

test('given a rebuild that another process asked for, a projection without news does it too', async () => {
  const projection = start();
  await settled(projection);
  const before = await database.db.selectFrom('row').selectAll().orderBy('seq').execute();
  await database.db.deleteFrom('row').where('operator_id', '=', 'op_b').execute();
  await askRebuild(libraryTables(database.db), name);
  await eventually(async () => (await rebuildState(libraryTables(database.db), name))?.done === true, { timeoutMs: 20_000 });
  assert.deepEqual(await database.db.selectFrom('row').selectAll().orderBy('seq').execute(), before);
});

test('given an end while the partitions are being taken, it comes', { timeout: 30_000 }, async () => {
  const taking = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const projection = start({
    on_hold: async () => {
      taking.resolve();
      await gate.promise;
    },
  });
  await taking.promise;
  const ended = projection.stop();
  gate.resolve();
  await ended;
});

test('given a stopped projection, its successor goes on where it was', async () => {
  const first = start();
  await settled(first);
  await first.stop();
  const seq = await write(bus, 'op_b');
  const second = start();
  assert.equal(await second.waitFor('op_b', seq, 10_000), true);
  assert.deepEqual(await sequences(database), [...written, seq]);
  written.push(seq);
});

test('given a sequence that is not of this read model, waiting ends at once, and at the deadline when something is pending', async () => {
  const projection = start();
  await settled(projection);
  const foreign = await write(bus, 'op_b', 'mission.opened', 'mission');
  // At its deadline it would answer false.
  assert.equal(await projection.waitFor('op_b', foreign), true);
  await projection.stop();
  const pending = await write(bus, 'op_b');
  written.push(pending);
  const follower = createProjection(
    rowsProjection(database, bus, { name, holder: 'late', tries: Number.MAX_SAFE_INTEGER, handle: () => Promise.reject(new Error('no')) }),
  );
  running.push(follower);
  assert.equal(await follower.waitFor('op_b', pending, 300), false);
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { LEASES } from '@sallyport/bus/admin.ts';
import { api, getMessage, streamInfo } from '@sallyport/bus/api.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Database } from '../src/open-pool.ts';
import { shareOf } from '../src/partitions.ts';
import { openRows, sequences, silent, type Tables, write, writeMany } from './support/rows.ts';

let nats: TestNats;
let postgres: TestPostgres;
let database: Database<Tables>;
let bus: Bus;
const children: ChildProcess[] = [];
/** No promise of anything: a process must start, and a machine may be busy. */
const PATIENCE_MS = 60_000;
const OPERATORS = Array.from({ length: 12 }, (_, index) => `op_${index}`);

before(async () => {
  nats = await withNats();
  postgres = await withPostgres();
  database = await openRows(postgres.url('passports'));
  bus = await connectBus({ url: nats.url, user: 'passports', password: nats.passwords['passports'] ?? '', name: 'test', log: silent });
});

after(async () => {
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await bus?.close();
  await database?.close();
  await postgres?.stop();
  await nats?.stop();
});

interface Projector {
  child: ChildProcess;
  said(line: string): boolean;
}

function projector(holder: string): Projector {
  const file = fileURLToPath(new URL('support/projector.ts', import.meta.url));
  const args = [file, nats.url, nats.passwords['passports'] ?? '', postgres.url('passports'), holder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return { child, said: (line) => output.includes(line) };
}

/** What the bucket does by itself 15 s after the last renewal. */
async function lapse(holder: string): Promise<void> {
  const admin = await connectBus({ url: nats.url, user: 'admin', password: nats.passwords['admin'] ?? '', name: 'test', log: silent });
  const { state } = await streamInfo(bus, LEASES, '$KV.leases.passports.>');
  for (const subject of Object.keys(state.subjects ?? {})) {
    const stored = await getMessage(bus, LEASES, { last_by_subj: subject });
    if (!stored || !new TextDecoder().decode(stored.data).includes(`"${holder}"`)) continue;
    await api(admin, `STREAM.PURGE.${LEASES}`, { filter: subject });
  }
  await admin.close();
}

/** Cheaper than `sequences`: it is asked again and again. */
async function count(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>('select count(*) as count from "row"');
  return rows[0]?.count ?? 0;
}

async function holders(): Promise<string[]> {
  const rows = await database.db.selectFrom('row').select('holder').distinct().orderBy('holder').execute();
  return rows.map(({ holder }) => holder);
}

test('given any number of live processes, their shares are disjoint and cover every partition', () => {
  for (const live of [['a'], ['b', 'a'], ['c', 'a', 'b'], ['d', 'c', 'b', 'a']]) {
    const shares = live.flatMap((me) => shareOf(live, me));
    assert.deepEqual(
      shares.sort((a, b) => a - b),
      Array.from({ length: 16 }, (_, index) => index),
    );
  }
});

test('given a process that is killed again and again, no entry is applied twice or left out', async () => {
  const written: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { child } = projector('killed');
    const writing = writeMany(bus, OPERATORS, 40);
    const target = written.length + 100;
    await eventually(async () => (await count()) > target, { timeoutMs: PATIENCE_MS, everyMs: 5 });
    child.kill('SIGKILL');
    written.push(...(await writing));
  }
  const last = projector('killed');
  await eventually(async () => (await count()) >= written.length, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(await sequences(database), written);
  last.child.kill('SIGTERM');
  await once(last.child, 'exit');
  await database.db.deleteFrom('row').execute();
});

test('given two processes and a holder that is paused inside a transaction and comes back, no row appears twice', async () => {
  const a = projector('a');
  const b = projector('b');
  let written = await writeMany(bus, OPERATORS, 10);
  await eventually(async () => (await count()) === written.length, { timeoutMs: PATIENCE_MS });
  // Both have their share of partitions before the pause.
  await eventually(
    async () => {
      written = [...written, ...(await writeMany(bus, OPERATORS, 1))];
      return (await holders()).length === 2;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 200 },
  );
  const waits = await Promise.all(OPERATORS.map((operator) => write(bus, operator, 'wait.here')));
  await eventually(() => a.said('waiting'), { timeoutMs: PATIENCE_MS, everyMs: 5 });
  await pauseProcess(a.child.pid ?? assert.fail('it runs'));
  written = [...written, ...waits, ...(await writeMany(bus, OPERATORS, 10))];
  await lapse('a');
  await eventually(async () => (await count()) === written.length, { timeoutMs: PATIENCE_MS });
  a.child.kill('SIGCONT');
  written = [...written, ...(await writeMany(bus, OPERATORS, 10))].sort((x, y) => x - y);
  await eventually(async () => (await count()) >= written.length, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(await sequences(database), written);
  // Back among the living, it takes its share again.
  await database.db.deleteFrom('row').execute();
  let after: number[] = [];
  await eventually(
    async () => {
      after = [...after, ...(await writeMany(bus, OPERATORS, 1))];
      return (await holders()).length === 2;
    },
    { timeoutMs: PATIENCE_MS, everyMs: 200 },
  );
  await eventually(async () => (await count()) >= after.length, { timeoutMs: PATIENCE_MS });
  assert.deepEqual(
    await sequences(database),
    after.sort((x, y) => x - y),
  );
  assert.ok(b.said('started'));
});

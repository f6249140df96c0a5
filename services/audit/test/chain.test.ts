import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { ROW_KEYS, type Row } from '@sallyport/audit-chain/row.ts';
import { append } from '@sallyport/bus/append.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { aggregateSubject, callsSubject, partitionOf } from '@sallyport/bus/subjects.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { auditIdOf, makeId } from '@sallyport/contracts/ids.ts';
import { chainHead, listAudit, verifyChain } from '@sallyport/contracts/operations/audit.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { type Database, openPool } from '@sallyport/projections/open-pool.ts';
import { migrate } from '@sallyport/projections/migrate.ts';
import { createProjection, type Projection } from '@sallyport/projections/projection.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { sql } from 'kysely';
import { type AuditTables, STEPS } from '../src/db/schema.ts';
import { listOperation } from '../src/operations/list-audit.ts';
import { chainHeadOperation } from '../src/operations/chain-head.ts';
import { verifyOperation } from '../src/operations/verify-chain.ts';
import { callsProjection } from '../src/projections/calls.ts';
import { rowOf, rowsProjection } from '../src/projections/rows.ts';

const log = createLog('test', { level: 'silent' });
const OPERATOR = makeId('operator', 1_780_304_400_000, randomBytes(10));
const AGENT = makeId('agent', 1_780_304_400_000, randomBytes(10));
const principal: Principal = {
  type: 'operator',
  id: OPERATOR,
  operator_id: OPERATOR,
  role: null,
  credential: 'operator_key',
  allowed_connections: null,
  scopes: null,
  target: '',
};

let nats: TestNats;
let postgres: TestPostgres;
let passports: Bus;
let gateway: Bus;
let audit: Bus;
let database: Database<AuditTables>;
let rows: Projection;
let calls: Projection;

before(async () => {
  [nats, postgres] = await Promise.all([withNats(), withPostgres()]);
  const connect = (user: string): Promise<Bus> =>
    connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log });
  [passports, gateway, audit] = await Promise.all([connect('passports'), connect('gateway'), connect('audit')]);
  const url = new URL(postgres.url('audit'));
  const password = url.password;
  url.password = '';
  database = openPool<AuditTables>({ url: url.href, password, schema: 'audit', name: 'test', log });
  await migrate(database, STEPS);
  rows = createProjection({ ...rowsProjection, database, bus: audit, holder: 'test', log });
  calls = createProjection({ ...callsProjection(audit), database, bus: audit, holder: 'test', log });
});
after(async () => {
  await rows?.stop();
  await calls?.stop();
  await database?.close();
  await Promise.all([passports, gateway, audit].map((bus) => bus?.close()));
  await nats?.stop();
  await postgres?.stop();
});

function fact(type: string, data: Fact['data'], more: Partial<Fact> = {}): Fact {
  const at = 1_780_304_410_000;
  return {
    id: makeId('event', at, randomBytes(10)),
    type,
    v: 1,
    at,
    operator_id: OPERATOR,
    actor: { type: 'operator', id: OPERATOR },
    data,
    ...more,
  };
}

async function write(bus: Bus, subject: string, facts: Fact[]): Promise<void> {
  const done = await append(bus, [{ subject, facts, id: facts[0]?.id ?? '' }]);
  assert.ok('seq' in done);
  assert.equal(await rows.waitFor(OPERATOR, done.seq, 20_000), true);
}

const call = {
  call_id: 'req_x',
  service: 'github',
  connection_id: 'scon_x',
  method: 'GET',
  host: 'api.github.com',
  path: '/user',
  call_digest: 'ab',
};
const callsOf = callsSubject(partitionOf(OPERATOR), makeId('boot', 1_780_304_400_000, randomBytes(10)));
const attempt = fact('call.attempted', call, { agent_id: AGENT, jti: 'ppt_1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
const closing = fact(
  'call.completed',
  { ...call, attempt_id: attempt.id, outcome: 'success', status: 200, dur_ms: 12 },
  { agent_id: AGENT, jti: 'ppt_1' },
);

const context = (query: object) => ({ call: { min_event_seq: 0 }, principal, query, remaining_ms: () => 2_000 }) as unknown as never;
const ask = async (handler: (context: never) => Promise<unknown>, operation: object, query: object = {}): Promise<never> => {
  const answer = (await handler({ ...(context(query) as object), operation } as never)) as { ok: boolean; reply: { body: never } };
  assert.equal(answer.ok, true);
  return answer.reply.body;
};
const stored = async (): Promise<Row[]> =>
  (await database.db.selectFrom('rows').select('row').orderBy('seq').execute()).map(({ row }) => rowOf(row));

test('facts become rows in the order of the log; facts that only carry a decision make none', async () => {
  await write(passports, aggregateSubject(OPERATOR, 'operator', OPERATOR), [
    fact('operator.bootstrapped', { name: 'Acme', settings: {}, owner_id: 'mem_1', audit_origin: 'x' }),
    fact('key.created', { key_id: 'key_1', hmac: 'secretish' }),
  ]);
  await write(passports, aggregateSubject(OPERATOR, 'agent', AGENT), [
    fact('agent.registered', { agent: { name: 'bot', accountability_mode: 'enforced', icon_url: 'x' } }, { agent_id: AGENT }),
  ]);
  await write(gateway, callsOf, [attempt]);
  const made = await stored();
  assert.deepEqual(
    made.map(({ seq, action, outcome }) => `${seq} ${action} ${outcome}`),
    ['1 operator.bootstrap success', '2 agent.register success', '3 credential.proxy pending'],
  );
  assert.deepEqual(Object.keys(made[2] ?? {}), [...ROW_KEYS]);
  assert.equal(made[2]?.entry_id, auditIdOf(attempt.id));
  assert.equal(made[2]?.w3c_trace_id, 'a'.repeat(32));
  assert.deepEqual(made[1]?.metadata, { name: 'bot', accountability_mode: 'enforced' });
});

test('an attempt is listed while it is open; the first closing counts and a later one changes nothing', async () => {
  const list = listOperation({ database, rows, calls });
  const open: { entries: Row[] } = await ask(list, listAudit);
  assert.equal(open.entries[0]?.outcome, 'pending');
  await write(gateway, callsOf, [closing]);
  await write(gateway, callsOf, [fact('call.completed', { ...call, attempt_id: attempt.id, outcome: 'unknown' })]);
  const after: { entries: Row[]; max_seq: number } = await ask(list, listAudit);
  assert.deepEqual(
    after.entries.map(({ action, outcome }) => `${action} ${outcome}`),
    ['credential.proxy success', 'agent.register success', 'operator.bootstrap success'],
  );
  assert.equal(after.entries[0]?.attempt_entry_id, auditIdOf(attempt.id));
  const all: { entries: Row[] } = await ask(list, listAudit, { attempts: 'all', order: 'asc', after_seq: 2 });
  assert.deepEqual(
    all.entries.map(({ seq }) => seq),
    [3, 4],
  );
});

test('rebuilt from the log, every row is byte for byte the same', async () => {
  const texts = async (): Promise<string[]> =>
    (await sql<{ text: string }>`select row::text as text from rows order by seq`.execute(database.db)).rows.map(({ text }) => text);
  const before = await texts();
  await rows.rebuild();
  assert.deepEqual(await texts(), before);
  assert.equal(before.length, 4);
});

test('editing any field of any stored row is found, and undoing it makes the chain whole again', async () => {
  const verify = verifyOperation({ database, rows, calls });
  const whole: { valid: boolean; head_hash: string } = await ask(verify, verifyChain);
  assert.equal(whole.valid, true);
  const head: { head_hash: string } = await ask(chainHeadOperation({ database, rows, calls }), chainHead);
  assert.equal(whole.head_hash, head.head_hash);
  for (const key of ROW_KEYS) {
    if (key === 'operator_id') continue; // the row would leave the chain: a gap, below
    const original = (await stored())[1];
    const value = original?.[key];
    const edited = typeof value === 'number' ? value + 100 : typeof value === 'string' ? `${value}x` : { edited: 1 };
    const put = (row: object): Promise<unknown> =>
      sql`update rows set row = ${JSON.stringify(row)}::json where entry_id in (${original?.entry_id}, ${`${original?.entry_id}x`})`.execute(
        database.db,
      );
    await put({ ...original, [key]: edited });
    const found: { valid: boolean; first_break: { reason: string } } = await ask(verify, verifyChain);
    assert.equal(found.valid, false, `an edit of ${key} must be found`);
    await put(original ?? {});
  }
  assert.equal(((await ask(verify, verifyChain)) as { valid: boolean }).valid, true);
});

test('a row that is gone is a gap', async () => {
  const verify = verifyOperation({ database, rows, calls });
  await sql`delete from rows where seq = 2`.execute(database.db);
  const found: { valid: boolean; first_break: { reason: string; seq: number } } = await ask(verify, verifyChain);
  assert.deepEqual([found.valid, found.first_break.reason, found.first_break.seq], [false, 'seq_gap', 3]);
});

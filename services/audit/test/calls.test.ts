import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { append } from '@sallyport/bus/append.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { fenceHeaders } from '@sallyport/bus/fences.ts';
import { createGroupCommit, type GroupCommit } from '@sallyport/bus/group-commit.ts';
import { aggregateSubject, fenceSubject, partitionOf } from '@sallyport/bus/subjects.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { makeId } from '@sallyport/contracts/ids.ts';
import { type MissionOperations, missionOperations, openAttempts, type OpenAttempts } from '@sallyport/contracts/operations/call-log.ts';
import { target } from '@sallyport/contracts/target.ts';
import { type AttemptEntry, type Cap, encodeEntry, type Entry, type Hash } from '@sallyport/admission/entry.ts';
import {
  approvalHash,
  attemptHash,
  bootHash,
  digestHash,
  jwtHash,
  operationHash,
  serviceHash,
  targetHash,
} from '@sallyport/admission/hashes.ts';
import { type Database, openPool } from '@sallyport/projections/open-pool.ts';
import { migrate } from '@sallyport/projections/migrate.ts';
import type { ProjectionOptions } from '@sallyport/projections/options.ts';
import { createProjection, type Projection } from '@sallyport/projections/projection.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { hashText } from '../src/calls/hash-text.ts';
import { type AuditTables, STEPS } from '../src/db/schema.ts';
import { missionOperationsOperation } from '../src/operations/mission-operations.ts';
import { openAttemptsOperation } from '../src/operations/open-attempts.ts';
import { callsProjection } from '../src/projections/calls.ts';

const log = createLog('test', { level: 'silent' });
const OPERATOR = makeId('operator', 1_780_304_400_000, randomBytes(10));
const BOOT = makeId('boot', 1_780_304_400_000, randomBytes(10));
const GITHUB = serviceHash('github');

let nats: TestNats;
let postgres: TestPostgres;
let gateway: Bus;
let passports: Bus;
let audit: Bus;
let database: Database<AuditTables>;
let commit: GroupCommit;
let calls: Projection;
/** How many transactions fail after the handler has done its work. */
let failures = 0;

function project(): Projection {
  const model = callsProjection(audit);
  const handle: ProjectionOptions<AuditTables>['handle'] = async (tx, entries) => {
    await model.handle(tx, entries);
    if (failures-- > 0) throw new Error('the transaction fails');
  };
  return createProjection({ ...model, handle, tries: 20, database, bus: audit, holder: 'test', log });
}

before(async () => {
  [nats, postgres] = await Promise.all([withNats(), withPostgres()]);
  const connect = (user: string): Promise<Bus> =>
    connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log });
  [gateway, passports, audit] = await Promise.all([connect('gateway'), connect('passports'), connect('audit')]);
  const url = new URL(postgres.url('audit'));
  const { password } = url;
  url.password = '';
  database = openPool<AuditTables>({ url: url.href, password, schema: 'audit', name: 'test', log });
  await migrate(database, STEPS);
  commit = createGroupCommit(gateway, { boot: BOOT });
  calls = project();
});
after(async () => {
  await calls?.stop();
  await database?.close();
  await Promise.all([gateway, passports, audit].map((bus) => bus?.close()));
  await nats?.stop();
  await postgres?.stop();
});

const fact = (type: string): Fact => ({
  id: makeId('event', 1_780_304_410_000, randomBytes(10)),
  type,
  v: 1,
  at: 1_780_304_410_000,
  operator_id: OPERATOR,
  actor: { type: 'operator', id: OPERATOR },
  data: {},
});

interface Made {
  mission: string;
  operation?: string;
  approval?: string;
  jwt?: string;
  caps?: Cap[];
  above?: string[];
  checked?: number;
}
const missionHash = (id: string): Hash => targetHash(target('mission', id));
const cap = (limit: number, mission = 0): Cap => ({ mission, kind: 'actions', limit, behaviour: 'deny' });

function attempt({ mission, operation, approval, jwt, caps = [], above = [], checked = last }: Made): AttemptEntry {
  const h = (kind: 'session' | 'jti' | 'line' | 'agent' | 'connection' | 'grant'): Hash => targetHash(target(kind, `of ${mission}`));
  return {
    kind: 'attempt',
    id: attemptHash(`evt ${randomBytes(9).toString('hex')}`),
    operator: targetHash(target('operator', OPERATOR)),
    session: h('session'),
    jti: h('jti'),
    chain: [{ line: h('line'), agent: h('agent') }],
    missions: [mission, ...above].map(missionHash),
    connection: h('connection'),
    grant: h('grant'),
    service: GITHUB,
    caps,
    until: Date.now() + 60_000,
    checked,
    ...(operation !== undefined && { operation: { id: operationHash(operation), digest: digestHash('d') } }),
    ...(approval !== undefined && { approval: approvalHash(approval) }),
    ...(jwt !== undefined && { jwt: jwtHash('agt', jwt) }),
  };
}

let last = 0;
async function write(...entries: Entry[]): Promise<void> {
  const stored = await Promise.all(
    entries.map((entry) => commit.submit(partitionOf(OPERATOR), fact('call.attempted'), encodeEntry(entry))),
  );
  last = Math.max(...stored.map(({ seq }) => seq));
}
const closing = ({ id }: AttemptEntry, sent: boolean): Entry => ({
  kind: 'closing',
  attempt: id,
  sent,
  outcome: sent ? 'success' : 'failure',
});

const answerOf = async (handler: (context: never) => Promise<unknown>, operation: object, body: object): Promise<unknown> => {
  const answer = (await handler({ operation, body, remaining_ms: () => 5_000 } as never)) as { ok: boolean; reply: { body: unknown } };
  assert.equal(answer.ok, true, JSON.stringify(answer));
  return answer.reply.body;
};
// The reading waits at most 450 ms; a slow machine may ask again, like a gateway's next call.
async function tables(mission: string, min_position = last): Promise<MissionOperations> {
  assert.ok(await calls.waitFor(OPERATOR, Math.max(last, min_position), 20_000));
  const deps = { database, calls, rows: calls };
  const body = { operator_id: OPERATOR, mission_id: mission, min_position };
  return (await answerOf(missionOperationsOperation(deps), missionOperations, body)) as MissionOperations;
}
const brief = ({ operations, approvals, counts, open }: MissionOperations): object => ({
  operations: operations.map(({ state }) => state).sort(),
  approvals: approvals.length,
  used: counts.map(({ used }) => used),
  open: open.length,
});

test('admitted calls use up operations, approvals and counts; what sent nothing gives back all but the approval', async () => {
  const [first, second, third] = ['o1', 'o2', 'o3'].map((operation) =>
    attempt({ mission: 'ms_1', operation, approval: `approval of ${operation}`, caps: [cap(3)] }),
  ) as [AttemptEntry, AttemptEntry, AttemptEntry];
  await write(first, second, third, attempt({ mission: 'ms_1', caps: [cap(3)] }));
  assert.deepEqual(brief(await tables('ms_1')), { operations: ['running', 'running', 'running'], approvals: 3, used: [3], open: 3 });
  await write(closing(first, true), closing(second, false));
  const after = await tables('ms_1');
  assert.deepEqual(brief(after), { operations: ['running', 'success'], approvals: 3, used: [2], open: 1 });
  assert.ok(after.position >= last);
  assert.deepEqual(after.open[0]?.operation?.id, hashText(operationHash('o3')));
});

test('the calls of a child mission stand in the tables of the outermost one', async () => {
  await write(attempt({ mission: 'ms_child', above: ['ms_root'], operation: 'o', caps: [cap(1, 1)] }));
  await write(attempt({ mission: 'ms_root', operation: 'o', caps: [cap(1)] }));
  const { operations, counts } = await tables('ms_root');
  assert.deepEqual(
    operations.map(({ mission }) => mission),
    [hashText(missionHash('ms_child'))],
  );
  assert.equal((await tables('ms_root', 0)).position, last, 'it says how far it has read');
  assert.deepEqual(counts, [{ mission: hashText(missionHash('ms_root')), kind: 'actions', service: null, used: 1 }]);
});

test('given facts of other kinds at the end of the log, the tables hold up to there', async () => {
  const other = await append(passports, [{ subject: aggregateSubject(OPERATOR, 'agent', 'agt_9'), facts: [fact('x')], id: 'other' }]);
  assert.ok('seq' in other);
  assert.equal((await tables('ms_root', other.seq)).position, other.seq);
});

test('given transactions that fail, and a restart, then a token counts once, a revocation holds, and nothing counts twice', async () => {
  failures = 3;
  await write(attempt({ mission: 'ms_2', operation: 'o1', jwt: 'j1', caps: [cap(9)] }));
  await write(attempt({ mission: 'ms_2', operation: 'o2', jwt: 'j2', caps: [cap(9)] }));
  assert.deepEqual(brief(await tables('ms_2')), { operations: ['running', 'running'], approvals: 0, used: [2], open: 2 });
  assert.ok(failures <= 0);
  const before = last;
  const revoked = await append(passports, [
    {
      subject: fenceSubject(OPERATOR, 'agent', 'agt_1'),
      facts: [fact('fence.set')],
      id: randomBytes(8).toString('hex'),
      headers: fenceHeaders('revoked', 'agent', 'agt_1', [target('agent', 'of ms_2')]),
    },
  ]);
  assert.ok('seq' in revoked);
  last = revoked.seq;
  assert.ok(await calls.waitFor(OPERATOR, last, 20_000));
  await calls.stop();
  await write(attempt({ mission: 'ms_2', operation: 'o3', jwt: 'j1', caps: [cap(9)] }));
  await write(attempt({ mission: 'ms_2', operation: 'o4', jwt: 'j4', caps: [cap(9)], checked: before }));
  await write(attempt({ mission: 'ms_2', operation: 'o5', jwt: 'j5', caps: [cap(9)] }));
  calls = project();
  const after = await tables('ms_2');
  assert.deepEqual(brief(after), { operations: ['running', 'running', 'running'], approvals: 0, used: [3], open: 3 });
  assert.ok(after.operations.some(({ id }) => id === hashText(operationHash('o5'))));

  const deps = { database, calls, rows: calls };
  const ask = async (boot: string | null): Promise<OpenAttempts['attempts']> =>
    ((await answerOf(openAttemptsOperation(deps), openAttempts, { boot, min_position: last })) as OpenAttempts).attempts;
  const open = await ask(hashText(bootHash(BOOT)));
  assert.deepEqual(
    open.map(({ reason }) => reason).filter((reason) => reason !== null),
    ['cap', 'cap', 'jwt_replayed', 'revoked'],
  );
  assert.equal((await ask(null)).length, 1);
});

test('rebuilt from the log, the tables are what they were', async () => {
  const all = async (): Promise<unknown[]> =>
    Promise.all(
      (['operations', 'approvals', 'counts', 'attempts'] as const).map(async (table) =>
        (await database.db.selectFrom(table).selectAll().execute()).map((row) => JSON.stringify(row)).sort(),
      ),
    );
  const before = await all();
  await calls.rebuild();
  assert.deepEqual(await all(), before);
});

/** Two workers as processes, with a real NATS and PostgreSQL. The test writes as gateway and as `passports`, and stands in for the latter's answers. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pause, streamInfo } from '@sallyport/bus/api.ts';
import { append } from '@sallyport/bus/append.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { type Entry, type Follower, follow } from '@sallyport/bus/follow.ts';
import { ask, serve, type Serving } from '@sallyport/bus/rpc.ts';
import { aggregateSubject, callsSubject, partitionOf as subjectPartition } from '@sallyport/bus/subjects.ts';
import { type BusAnswer, type BusCall, reply } from '@sallyport/contracts/call.ts';
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { signalRaised } from '@sallyport/contracts/facts/detection.ts';
import { idTime } from '@sallyport/contracts/ids.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import * as contract from '@sallyport/contracts/operations/security-events.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { partitionOf } from '@sallyport/features/partition.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { type TestNats, withNats } from '@sallyport/testing/nats.ts';
import { type TestPostgres, withPostgres } from '@sallyport/testing/postgres.ts';
import { type StartedService, startService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { Static } from 'typebox';
import pg from 'pg';
import { denied, issued, newRun, type Run } from './support/facts.ts';

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const operatorId = newId('operator', Date.now());
const boot = newId('boot', Date.now());
const PATIENCE_MS = 20_000;
const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');

let nats: TestNats;
let postgres: TestPostgres;
let gateway: Bus;
let passports: Bus;
let answering: Serving;
let reading: Follower;
const entries: Entry[] = [];
const workers = new Map<string, StartedService>();

const raisedFor = (run: Run): Static<typeof signalRaised.data>[] =>
  entries
    .flatMap((entry) => entry.facts())
    .filter(({ mission_id }) => mission_id === run.mission_id)
    .flatMap((fact) => dataOf(signalRaised, fact) ?? []);

async function environment(): Promise<Record<string, string>> {
  const folder = await scratchFolder('detectors-test');
  await writeFile(join(folder, 'nats'), nats.passwords['detectors'] ?? '');
  await writeFile(join(folder, 'postgres'), postgres.passwords.detectors);
  const database = new URL(postgres.url('detectors'));
  database.password = '';
  return {
    PUBLIC_URL: 'http://127.0.0.1:8787',
    SALLYPORT_NATS_URL: nats.url,
    SALLYPORT_NATS_USER: 'detectors',
    SALLYPORT_NATS_PASSWORD_FILE: join(folder, 'nats'),
    SALLYPORT_DATABASE_URL: database.href,
    SALLYPORT_DATABASE_PASSWORD_FILE: join(folder, 'postgres'),
  };
}

async function startWorker(name: string): Promise<StartedService> {
  const worker = await startService('detectors', { ...(await environment()), SALLYPORT_INSTANCE: name });
  workers.set(name, worker);
  return worker;
}

before(async () => {
  [nats, postgres] = await Promise.all([withNats(), withPostgres()]);
  const connect = (user: string): Promise<Bus> =>
    connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: user, log: silent });
  [gateway, passports] = await Promise.all([connect('gateway'), connect('passports')]);
  const principal = {
    type: 'operator',
    id: operatorId,
    operator_id: operatorId,
    role: null,
    allowed_connections: null,
    scopes: null,
    target: '',
  };
  const holders = new Map([
    [keyOf('operator'), { ...principal, credential: 'operator_key' }],
    [keyOf('admin'), { ...principal, type: 'member', id: 'mem_a', role: 'admin', credential: 'member_key' }],
    [keyOf('other'), { ...principal, operator_id: newId('operator', 1), credential: 'operator_key' }],
  ]);
  const resolve = async ({ body }: BusCall): Promise<BusAnswer> => {
    const found = holders.get(String(Object.entries(body ?? {}).find(([name]) => name === 'sha256')?.[1]));
    return reply(200, found ? { position: 1, principal: found, expires_at_ms: null } : null);
  };
  answering = serve(passports, 'passports', { 'principal.resolve': resolve }, { log: silent });
  reading = follow(passports, { name: 'test', filters: ['ledger.>'], start_seq: 1, on_message: (entry) => void entries.push(entry) });
  await startWorker('detectors');
});

after(async () => {
  await Promise.all([...workers.values()].map((worker) => worker.stop()));
  await Promise.all([answering?.stop(), reading?.stop()]);
  await Promise.all([gateway?.close(), passports?.close()]);
  await Promise.all([nats?.stop(), postgres?.stop()]);
});

let messages = 0;
async function writeTo(bus: Bus, subject: string, facts: Fact[]): Promise<number> {
  const result = await append(bus, [{ subject, facts, id: `test-${++messages}` }]);
  ok(!('conflict' in result));
  return result.seq;
}
const issue = (run: Run): Promise<number> => writeTo(passports, aggregateSubject(operatorId, 'passport', run.jti), [issued(run)]);
const deny = (...facts: Fact[]): Promise<number> => writeTo(gateway, callsSubject(subjectPartition(operatorId), boot), facts);
const offScope = (run: Run, service = 'notion'): Fact => denied(run, { service, reason: 'service_out_of_scope' });

/** Asked again, as the answer says, while what was read is not there yet: nothing was done then. */
async function call(bus: Bus, operation: Operation, more: Partial<BusCall> = {}, key = 'operator'): Promise<BusAnswer> {
  const bearer = { kind: 'key', sha256: keyOf(key) } as const;
  const asked = { operation: operation.name, bearer, params: {}, query: {}, body: undefined, request_id: 'req_1', ...more };
  for (const end = performance.now() + PATIENCE_MS; ; await pause(100)) {
    const answer = await ask(bus, operation, asked);
    if (answer.ok || answer.denial.code !== 'READ_MODEL_BEHIND' || performance.now() > end) return answer;
  }
}

function bodyOf(answer: BusAnswer): unknown {
  ok(answer.ok, JSON.stringify(answer));
  return answer.reply.body;
}

type Event = Static<typeof contract.SecurityEvent>;
type List = Static<typeof contract.listSecurityEvents.response>;

async function list(query: Record<string, unknown> = {}): Promise<List> {
  const body = bodyOf(await call(gateway, contract.listSecurityEvents, { query, min_event_seq: entries.at(-1)?.seq ?? 0 }));
  ok(matches(contract.listSecurityEvents.response, body));
  return body;
}

async function eventOf(run: Run): Promise<Event> {
  return eventually(async () => {
    const [event] = (await list({ agent_id: run.agent_id, resolved: 'all' })).events;
    ok(event);
    return event;
  });
}

test('given a refused call out of scope, the signal is raised, its revocation becomes its effect', async () => {
  const run = newRun(operatorId);
  await issue(run);
  const cause = offScope(run);
  await deny(cause);
  await eventually(() => raisedFor(run).length === 1);
  const [raised] = raisedFor(run);
  deepEqual([raised?.code, raised?.severity, raised?.effect], ['service', 'critical', 'revoke']);
  equal(idTime(raised?.signal_id ?? ''), cause.at);
  const before = await eventOf(run);
  deepEqual([before.status, before.effect?.kind, before.effect?.state], ['open', 'revoke', 'pending']);
  deepEqual(before.metadata['intent_services'], ['github']);
  await writeTo(passports, aggregateSubject(operatorId, 'passport', run.jti), [
    {
      ...issued(run),
      id: newId('event', Date.now()),
      type: 'passport.revoked',
      data: { kind: 'single', target: run.jti, reason: raised?.effect_reason, cascaded: [], revoked_count: 1, cascaded_count: 0, by: null },
    },
  ]);
  await eventually(async () => equal((await eventOf(run)).effect?.state, 'done'));
});

test('given repeats, one event counts them, and only operators may see it', async () => {
  const run = newRun(operatorId, 'logged');
  await issue(run);
  await deny(offScope(run), offScope(run), offScope(run));
  const event = await eventOf(run);
  deepEqual([event.severity, event.effect], ['warning', null]);
  await eventually(async () => equal((await eventOf(run)).count, 3));
  await eventually(() => raisedFor(run).length > 0);
  equal(raisedFor(run).length, 1);
  for (const [key, code] of [
    ['admin', 'FORBIDDEN'],
    ['nobody', 'INVALID_API_KEY'],
  ] as const) {
    const answer = await call(gateway, contract.listSecurityEvents, {}, key);
    equal(!answer.ok && answer.denial.code, code);
  }
  const foreign = await call(gateway, contract.getSecurityEvent, { params: { id: event.id } }, 'other');
  equal(!foreign.ok && foreign.denial.code, 'NOT_FOUND');
});

test('given an open event, it can be acknowledged and resolved, twice with the same outcome', async () => {
  const run = newRun(operatorId, 'standard');
  await issue(run);
  await deny(offScope(run));
  const { id } = await eventOf(run);
  const told = async (operation: Operation, body?: object): Promise<Record<string, unknown>> =>
    Object.fromEntries(Object.entries(bodyOf(await call(gateway, operation, { params: { id }, body })) ?? {}));
  const acknowledged = await told(contract.acknowledgeSecurityEvent);
  deepEqual([acknowledged['status'], acknowledged['acknowledged_by']], ['acknowledged', { type: 'operator', id: operatorId }]);
  const resolved = await told(contract.resolveSecurityEvent, { resolution: 'false_positive', note: 'a test' });
  deepEqual(
    [resolved['status'], resolved['resolution'], resolved['note'], resolved['resolved']],
    ['resolved', 'false_positive', 'a test', true],
  );
  deepEqual(await told(contract.resolveSecurityEvent, { resolution: 'expected' }), resolved);
  deepEqual(await told(contract.acknowledgeSecurityEvent), resolved);
  const entryIds = resolved['entry_ids'];
  ok(Array.isArray(entryIds));
  equal(entryIds.length, 3);
  deepEqual((await list({ agent_id: run.agent_id })).events, []);
  equal((await list({ agent_id: run.agent_id, resolved: 'true' })).events.length, 1);
});

test('given many open events, a filter resolves them all', async () => {
  const run = newRun(operatorId, 'standard');
  await issue(run);
  const last = await deny(...['a', 'b', 'c'].map((service) => offScope(run, service)));
  await eventually(async () => equal((await list({ agent_id: run.agent_id })).events.length, 3));
  ok(last > 0);
  const events = (await list({ agent_id: run.agent_id })).events;
  equal(new Set(events.map(({ incident_id }) => incident_id)).size, 1);
  const body = { filter: { agent_id: run.agent_id }, resolution: 'expected' };
  deepEqual(bodyOf(await call(gateway, contract.resolveSecurityEvents, { body })), { resolved: 3 });
  deepEqual(bodyOf(await call(gateway, contract.resolveSecurityEvents, { body })), { resolved: 0 });
});

test('given odd questions, they are refused or empty, never a defect', async () => {
  for (const query of [{ page: '0' }, { limit: '101' }, { severity: 'bad' }, { page: 'x' }]) {
    const answer = await call(gateway, contract.listSecurityEvents, { query });
    equal(!answer.ok && answer.denial.code, 'INVALID_REQUEST', JSON.stringify(query));
  }
  deepEqual((await list({ page: '9007199254740991', limit: '100' })).events, []);
  for (const id of ['sev_x', newId('security_event', Date.now()), "' or 1=1"]) {
    const answer = await call(gateway, contract.getSecurityEvent, { params: { id } });
    equal(!answer.ok && answer.denial.code, 'NOT_FOUND', id);
    const resolved = await call(gateway, contract.resolveSecurityEvent, { params: { id } });
    equal(!resolved.ok && resolved.denial.code, 'NOT_FOUND', id);
  }
});

async function signalsOf(run: Run, min_seq: number): Promise<unknown> {
  const { operator_id, session_id, mission_id, jti } = run;
  return bodyOf(
    await call(passports, contract.missionSignals, {
      bearer: { kind: 'none' },
      body: { operator_id, session_id, mission_id, jti, min_seq },
    }),
  );
}

test('given a checkout right after a refusal, the review knows of the signal', async () => {
  for (let round = 0; round < 5; round++) {
    const run = newRun(operatorId);
    await issue(run);
    const seq = await deny(offScope(run));
    const found = await signalsOf(run, seq);
    ok(matches(contract.missionSignals.response, found));
    deepEqual(found.flags, [
      { type: 'signal:credential_outside_scope', severity: 'critical', message: 'Proxy request for notion not in passport scope' },
    ]);
  }
});

async function query(text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.url('detectors') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Worker → its partitions, `nobody` for those without. */
async function owners(): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  for (const { partition, owner } of await query('select partition, owner from detector_partition')) {
    const name = (typeof owner === 'string' ? owner : 'nobody').replace(/-[0-9a-f]{12}$/, '');
    found.set(name, [...(found.get(name) ?? []), Number(partition)]);
  }
  return found;
}

/** A run whose session is in one of these partitions. */
function runIn(partitions: readonly number[]): Run {
  for (;;) {
    const run = newRun(operatorId);
    if (partitions.includes(partitionOf(run.session_id))) return run;
  }
}

test('given a second worker, both share the partitions; when one is killed, the other goes on where it stood, raising nothing twice', async () => {
  await startWorker('detectors-2');
  const both = await eventually(
    async () => {
      const found = await owners();
      ok((found.get('detectors')?.length ?? 0) > 8 && (found.get('detectors-2')?.length ?? 0) > 8 && !found.has('nobody'));
      return found;
    },
    { timeoutMs: 20_000 },
  );
  const theirs = runIn(both.get('detectors-2') ?? []);
  const ours = runIn(both.get('detectors') ?? []);
  for (const run of [theirs, ours]) await issue(run);
  const seq = await deny(offScope(theirs), offScope(ours));
  for (const run of [theirs, ours]) {
    const found = await signalsOf(run, seq);
    ok(matches(contract.missionSignals.response, found));
    equal(found.flags.length, 1);
  }
  await workers.get('detectors-2')?.kill();
  workers.delete('detectors-2');
  // Judged dead after 5 s, long before the bucket forgets it at 15 s.
  // The same once key again, a new one, and a session that begins while nobody owns it.
  const late = runIn(both.get('detectors-2') ?? []);
  await issue(late);
  const last = await deny(offScope(theirs), offScope(theirs, 'slack'), offScope(late));
  await eventually(() => raisedFor(late).length === 1 && raisedFor(theirs).length === 2, { timeoutMs: 13_000 });
  // The dead worker's share of the read model lapses later than its sessions: a restart would take it back at once.
  const found = await eventually(() => signalsOf(theirs, last), { timeoutMs: 30_000 });
  ok(matches(contract.missionSignals.response, found));
  equal(found.flags.length, 2);
  deepEqual(
    raisedFor(theirs).map(({ metadata }) => metadata['service']),
    ['notion', 'slack'],
  );
  await eventually(async () => equal((await owners()).get('detectors')?.length, 64));
});

test('given a restart, state is where it was: a repeat is still a repeat', async () => {
  const run = newRun(operatorId);
  await issue(run);
  await signalsOf(run, await deny(offScope(run)));
  await workers.get('detectors')?.stop();
  await startWorker('detectors');
  const seq = await deny(offScope(run), offScope(run, 'slack'));
  const found = await eventually(() => signalsOf(run, seq), { timeoutMs: 20_000 });
  ok(matches(contract.missionSignals.response, found));
  equal(found.flags.length, 2);
  await eventually(() => raisedFor(run).length >= 2);
  equal(raisedFor(run).length, 2);
});

test('given the loss of all state, the ledger gives it again, and no signal stands twice', async () => {
  await workers.get('detectors')?.stop();
  const signals = (): number =>
    entries.filter((entry) => entry.subject.includes('.signal.') && entry.facts().some(({ type }) => type === 'signal.raised')).length;
  const { last_seq } = (await streamInfo(passports)).state;
  await eventually(() => reading.position() >= last_seq);
  const before = signals();
  const saved = await query('select partition, key, state from detector_state order by partition, key');
  ok(saved.length > 2);
  await query('truncate detector_state; update detector_partition set cursor = 0');
  await startWorker('detectors');
  const again = async (): Promise<void> =>
    deepEqual(await query('select partition, key, state from detector_state order by partition, key'), saved);
  await eventually(again, { timeoutMs: 20_000 });
  const end = (await streamInfo(passports)).state.last_seq;
  await eventually(() => reading.position() >= end);
  equal(signals(), before);
});

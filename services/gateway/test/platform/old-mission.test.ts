import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseFacts, readLedger } from '@sallyport/bus/api.ts';
import { type Clock, createClock } from '@sallyport/bus/clock.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { PARTITIONS } from '@sallyport/bus/subjects.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { AttemptEntry } from '@sallyport/admission/entry.ts';
import { approvalHash, attemptHash, bootHash, digestHash, operationHash, serviceHash, targetHash } from '@sallyport/admission/hashes.ts';
import type { Verdict } from '@sallyport/admission/verdict.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { withNats } from '@sallyport/testing/nats.ts';
import { withPostgres } from '@sallyport/testing/postgres.ts';
import { type StartedService, startService } from '@sallyport/testing/service.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Boot, startBoot } from '../../src/boot.ts';
import { startSweeper } from '../../src/sweeper.ts';
import { createMissions } from '../../src/views/missions.ts';
import { Unanswered } from '../../src/views/questions.ts';

/** Short, so that a mission is older than the window in seconds. */
const WINDOW = { window_ms: 6_000, memory_ms: 2_000 };
const log = createLog('test', { level: 'silent' });
const operator_id = 'op_01kt16jkm0emq8k9w39qsaekf4';
const MISSION = 'ms_01kt16jphrfacb42v78k230hbe';
const family = targetHash(target('mission', MISSION));

let nats: Awaited<ReturnType<typeof withNats>>;
let postgres: Awaited<ReturnType<typeof withPostgres>>;
let audit: StartedService;
let bus: Bus;
let clock: Clock;

before(async () => {
  let folder: string;
  [nats, postgres, folder] = await Promise.all([withNats(), withPostgres(), scratchFolder('audit')]);
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const url = new URL(postgres.url('audit'));
  const { password } = url;
  url.password = '';
  const env = {
    PUBLIC_URL: 'http://sallyport.test',
    SALLYPORT_NATS_URL: nats.url,
    SALLYPORT_NATS_USER: 'audit',
    SALLYPORT_NATS_PASSWORD_FILE: await file('nats', nats.passwords['audit'] ?? ''),
    SALLYPORT_SECRETS_DIR: folder,
    SALLYPORT_DATABASE_URL: url.href,
    SALLYPORT_DATABASE_PASSWORD_FILE: await file('postgres', password),
  };
  audit = await startService('audit', env);
  bus = await connectBus({ url: nats.url, user: 'gateway', password: nats.passwords['gateway'] ?? '', name: 'test', log });
  clock = await createClock(bus);
});
after(async () => {
  await Promise.all(boots.map((one) => one.stop()));
  await audit?.stop();
  clock?.stop();
  await bus?.close();
  await Promise.all([nats.stop(), postgres.stop()]);
});

const DEAD_MS = 6_000;
const boots: Boot[] = [];
async function start(): Promise<Boot> {
  const boot = await startBoot({ bus, clock, log, instance: 'test', window: WINDOW });
  boots.push(boot);
  return boot;
}

interface Using {
  operation?: string;
  approval?: string;
}

function attemptOf(of: Boot, { operation, approval }: Using, mission: string): { id: string; fact: Fact; entry: AttemptEntry } {
  const id = newId('event', clock.now());
  const h = (text: string): string => targetHash(`jti:${text}`);
  const actor = { type: 'agent', id: 'agt_1' } as const;
  const fact: Fact = { id, type: 'call.attempted', v: 1, at: clock.now(), operator_id, actor, data: callData(id) };
  const entry: AttemptEntry = {
    kind: 'attempt',
    id: attemptHash(id),
    operator: h('o'),
    session: h('s'),
    jti: h('j'),
    chain: [{ line: h('l'), agent: h('a') }],
    missions: [targetHash(target('mission', mission))],
    connection: h('c'),
    grant: h('g'),
    service: serviceHash('github'),
    ...(operation !== undefined && { operation: { id: operationHash(operation), digest: digestHash('d') } }),
    ...(approval !== undefined && { approval: approvalHash(approval) }),
    caps: [{ mission: 0, kind: 'actions', limit: 3, behaviour: 'deny' }],
    until: clock.now() + 60_000,
    checked: of.feed.position(),
  };
  return { id, fact, entry };
}

async function record(of: Boot, using: Using, mission = MISSION): Promise<{ id: string; verdict: Verdict }> {
  const attempt = attemptOf(of, using, mission);
  return { id: attempt.id, verdict: await verdictOn(of, attempt) };
}

/** The verdict that the log gives, also when it comes later than the half second for which a call waits. */
async function verdictOn(of: Boot, { fact, entry }: { fact: Fact; entry: AttemptEntry }): Promise<Verdict> {
  of.records.readBack(fact, entry, () => undefined);
  const read = await eventually(
    () => of.feed.admission.open(bootHash(of.id)).find(({ id }) => id === entry.id) ?? assert.fail('it was not read yet'),
  );
  return read.verdict;
}

function callData(id: string): Fact['data'] {
  const nothing = { connection_id: null, host: null, path: null, call_digest: null, shape: null, resource: null, approval_id: null };
  const empty = { operation_id: null, dests: [], words: [], body_keys: [], req_bytes: 0, depth: 0, received_at_ms: 0, feat: {} };
  const src = { net: null, inst: null, key_thumb: null };
  const call = { call_id: id, service: 'github', method: 'POST', class: 'write', bound: false, mode: 'logged', boot_id: 'b' };
  return { ...call, ...nothing, ...empty, src };
}

async function factsOf(subject: string): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (let seq = 1; ; ) {
    const message = await readLedger(bus, { next_by_subj: subject, seq });
    if (!message) return facts;
    facts.push(...parseFacts(message.data));
    seq = message.seq + 1;
  }
}

async function close(of: Boot, id: string, sent: boolean): Promise<void> {
  const fact: Fact = {
    id: newId('event', clock.now()),
    type: 'x',
    v: 1,
    at: 0,
    operator_id,
    actor: { type: 'agent', id: 'agt_1' },
    data: {},
  };
  const entry = { kind: 'closing', attempt: attemptHash(id), sent, outcome: sent ? 'success' : 'failure' } as const;
  assert.equal(await of.records.write(fact, entry, { keep_trying: false }), true);
}

const reasonOf = ({ verdict }: { verdict: Verdict }): string => (verdict.admitted ? 'admitted' : verdict.reason);
const mission = (openedSeq: number) => ({
  resolved: { passport: { operator_id } },
  family: { hash: family, mission_id: MISSION, opened_seq: openedSeq },
});

test('given a mission older than the window, a gateway judges it only after it asked audit, and then by all its earlier calls', async () => {
  const early = await start();
  const opened = early.feed.position();
  assert.ok(createMissions(bus, early.feed).judged(mission(opened)));
  const first = await record(early, { operation: 'o1', approval: 'a1' });
  const second = await record(early, { operation: 'o2' });
  assert.deepEqual([first, second].map(reasonOf), ['admitted', 'admitted']);
  await close(early, first.id, true);
  await early.stop();

  const old = clock.now();
  await eventually(() => clock.now() > old + WINDOW.window_ms + 1_000, { timeoutMs: 10_000, everyMs: 100 });
  const late = await start();
  const missions = createMissions(bus, late.feed);
  assert.equal(missions.judged(mission(opened)), false);
  assert.deepEqual(reasonOf(await record(late, { operation: 'o1' })), 'unknown', 'nobody may judge what he has not read');

  // A question that audit did not answer within 450 ms is asked again by the next call.
  await eventually(() => Promise.all([missions.learn(mission(opened), 'req_1'), missions.learn(mission(opened), 'req_2')]));
  assert.equal(missions.judged(mission(opened)), true);
  assert.deepEqual(reasonOf(await record(late, { operation: 'o1' })), 'operation');
  assert.deepEqual(reasonOf(await record(late, { operation: 'o3', approval: 'a1' })), 'approval');
  // The attempt that nobody here could judge was admitted all the same, by the log; but not o1 again.
  assert.deepEqual(reasonOf(await record(late, {})), 'admitted');
  const full = await record(late, {});
  assert.deepEqual(full.verdict, { admitted: false, reason: 'cap', cap: 'max_actions', limit: 3, used: 3 });
  await close(late, second.id, false);
  await eventually(() => late.feed.admission.operation([family], operationHash('o2')) === null);
  assert.deepEqual(reasonOf(await record(late, { operation: 'o2' })), 'admitted');
});

test('given a gateway that was lost before the window, its open attempts are found and closed by the verdict of the log', async () => {
  const lost = await start();
  const admitted = await record(lost, { operation: 'o4', approval: 'a4' }, 'ms_01kt16jphrfacb42v78k230hbf');
  const refused = await record(lost, { operation: 'o5', approval: 'a4' }, 'ms_01kt16jphrfacb42v78k230hbf');
  await lost.stop();
  const old = clock.now();
  await eventually(() => clock.now() > old + WINDOW.window_ms + 1_000, { timeoutMs: 10_000, everyMs: 100 });
  const alive = await start();
  assert.equal(alive.feed.boots().has(lost.id), false, 'it stands before the window');
  const sweeper = startSweeper({ bus, clock, log, boot: alive, look_ms: 50, dead_after_ms: DEAD_MS });
  const closed = await eventually(
    async () => {
      const facts = await factsOf(`ledger.*.calls.${alive.id}`);
      const found = facts.filter(({ data }) => [admitted.id, refused.id].includes(String(data['attempt_id'])));
      assert.equal(new Set(found.map(({ data }) => data['attempt_id'])).size, 2);
      return found;
    },
    { timeoutMs: 30_000 },
  );
  const landed = performance.now();
  const late = attemptOf(lost, { operation: 'o6' }, 'ms_01kt16jphrfacb42v78k230hbf');
  lost.records.readBack(late.fact, late.entry, () => undefined);
  const refusal = await eventually(async () => {
    const facts = await factsOf(`ledger.*.calls.${alive.id}`);
    return facts.find(({ data }) => data['attempt_id'] === late.id) ?? assert.fail('what landed late is open');
  });
  assert.deepEqual([refusal.type, refusal.data['reason']], ['call.denied', 'boot_closed']);
  assert.ok(performance.now() - landed < DEAD_MS, 'the boot was known to be dead');
  await sweeper.stop();
  const endOf = (id: string): unknown[] => {
    const found = closed.find((fact) => fact.data['attempt_id'] === id);
    return [found?.type, found?.data['outcome'] ?? found?.data['reason'], found?.data['error_code'] ?? found?.data['code']];
  };
  assert.deepEqual(endOf(admitted.id), ['call.completed', 'unknown', 'GATEWAY_LOST']);
  assert.deepEqual(endOf(refused.id), ['call.denied', 'approval', 'AUDIT_UNAVAILABLE']);
  const hash = bootHash(lost.id);
  for (let partition = 0; partition < PARTITIONS; partition++)
    assert.ok(alive.feed.admission.bootClosed(hash, partition), String(partition));
});

test('given audit does not answer, a mission that must be asked about stays unjudged', async () => {
  await audit.stop();
  const boot = await start();
  const missions = createMissions(bus, boot.feed);
  const before = performance.now();
  await assert.rejects(missions.learn(mission(1), 'req_1'), Unanswered);
  // Not the five seconds of other questions.
  assert.ok(performance.now() - before < 4_000);
  assert.equal(missions.judged(mission(1)), false);
});

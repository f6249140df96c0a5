import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setUpStreams } from '@sallyport/bus/admin.ts';
import { parseFacts, readLedger } from '@sallyport/bus/api.ts';
import { type Clock, createClock } from '@sallyport/bus/clock.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { withNats } from '@sallyport/testing/nats.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { attemptHash, bootHash, targetHash } from '@sallyport/admission/hashes.ts';
import type { Verdict } from '@sallyport/admission/verdict.ts';
import type { AttemptEntry } from '@sallyport/admission/entry.ts';
import { type Boot, startBoot } from '../../src/boot.ts';
import type { OwnRecord } from '../../src/log/feed.ts';
import { startSweeper } from '../../src/sweeper.ts';

let nats: Awaited<ReturnType<typeof withNats>>;
let bus: Bus;
let clock: Clock;
const log = createLog('test', { level: 'silent' });
before(async () => {
  nats = await withNats();
  bus = await connectBus({ url: nats.url, user: 'gateway', password: nats.passwords['gateway'] ?? '', name: 'test', log });
  clock = await createClock(bus);
});
after(async () => {
  clock.stop();
  await bus.close();
  await nats.stop();
});

const operator_id = 'op_01kt16jkm0emq8k9w39qsaekf4';
const boot = (): Promise<Boot> => startBoot({ bus, clock, log, instance: 'test' });

function attemptOf(checked: number): { fact: Fact; entry: AttemptEntry } {
  const id = newId('event', clock.now());
  const h = (text: string): string => targetHash(`jti:${text}`);
  const data = {
    call_id: id,
    service: 'github',
    connection_id: null,
    method: 'POST',
    class: 'write',
    host: 'api.github.com',
    path: '/x',
    call_digest: null,
    shape: null,
    resource: null,
    dests: [],
    words: [],
    body_keys: [],
    req_bytes: 0,
    bound: false,
    approval_id: null,
    operation_id: null,
    mode: 'logged',
    depth: 0,
    src: { net: null, inst: null, key_thumb: null },
    received_at_ms: 0,
    feat: {},
    boot_id: 'b',
  };
  const fact: Fact = {
    id,
    type: 'call.attempted',
    v: 1,
    at: clock.now(),
    operator_id,
    actor: { type: 'agent', id: 'agt_1' },
    jti: 'ppt_1',
    data,
  };
  const entry: AttemptEntry = {
    kind: 'attempt',
    id: attemptHash(id),
    operator: h('o'),
    session: h('s'),
    jti: h('j'),
    chain: [{ line: h('l'), agent: h('a') }],
    missions: [h('m')],
    connection: h('c'),
    grant: h('g'),
    service: h('v'),
    caps: [],
    until: clock.now() + 60_000,
    checked,
  };
  return { fact, entry };
}

/** The verdict that the log gives, also when it comes later than the half second for which a call waits. */
async function verdictOn(of: Boot, { fact, entry }: ReturnType<typeof attemptOf>): Promise<Verdict> {
  of.records.readBack(fact, entry, () => undefined);
  const read = await eventually(
    () => of.feed.admission.open(bootHash(of.id)).find(({ id }) => id === entry.id) ?? assert.fail('it was not read yet'),
  );
  return read.verdict;
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

test('given a gateway that was lost between attempt and outcome, the sweeper closes its boot and then the attempt as unknown, once', async () => {
  const lost = await boot();
  const attempt = attemptOf(lost.feed.position());
  assert.deepEqual(await verdictOn(lost, attempt), { admitted: true });
  await lost.stop();

  const alive = await boot();
  const sweeper = startSweeper({ bus, clock, log, boot: alive, look_ms: 50, dead_after_ms: 300 });
  const closing = await eventually(async () => {
    const found = (await factsOf(`ledger.*.calls.${alive.id}`)).find(({ type }) => type === 'call.completed');
    assert.ok(found, 'the attempt is not closed yet');
    return found;
  });
  assert.deepEqual(
    [closing.data['attempt_id'], closing.data['outcome'], closing.data['error_code'], closing.jti],
    [attempt.fact.id, 'unknown', 'GATEWAY_LOST', 'ppt_1'],
  );
  await eventually(() => alive.feed.admission.sizes().open === 0);
  await sweeper.stop();
  const all = await factsOf(`ledger.*.calls.${alive.id}`);
  assert.equal(all.filter(({ type }) => type === 'boot.closed').length >= 1, true);

  assert.deepEqual(await verdictOn(alive, attemptOf(alive.feed.position())), { admitted: true });
  await alive.stop();
});

test('given NATS restarts and its buckets are made anew, the lease is put again and the boot goes on', async () => {
  const running = await boot();
  await nats.restart();
  const admin = await connectBus({ url: nats.url, user: 'admin', password: nats.passwords['admin'] ?? '', name: 'admin', log });
  await setUpStreams(admin);
  await admin.close();
  await eventually(() => running.feed.fresh());
  assert.deepEqual(await verdictOn(running, attemptOf(running.feed.position())), { admitted: true });
  assert.ok(running.lease.held());
  await running.stop();
});

test('given two uses of one agent token by one gateway, only the first is admitted, though nobody awaited it', async () => {
  const running = await boot();
  const use = (): Fact => ({
    id: newId('event', clock.now()),
    type: 'assertion.used',
    v: 1,
    at: clock.now(),
    operator_id,
    actor: { type: 'agent', id: 'agt_1' },
    data: { operation: 'x' },
  });
  let tokens = 0;
  // Another token when the log took longer than the half second that either use has for it.
  const second = await eventually(async () => {
    const jwt = targetHash(`jti:token ${++tokens}`);
    const unawaited = running.records.write(use(), running.records.assertion(jwt), { keep_trying: false });
    const own = await new Promise<OwnRecord | null>((resolve) => running.records.readBack(use(), running.records.assertion(jwt), resolve));
    return (await unawaited) && own !== null && own.verdict;
  });
  assert.deepEqual(second, { admitted: false, reason: 'jwt_replayed' });
  await running.stop();
});

/** What a gateway makes of messages that it cannot read, or knows no meaning of. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { append } from '@sallyport/bus/append.ts';
import { type Clock, createClock } from '@sallyport/bus/clock.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { fenceHeaders } from '@sallyport/bus/fences.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import { ENTRIES_HEADER, joinEntries } from '@sallyport/admission/header.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { withNats } from '@sallyport/testing/nats.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Boot, startBoot } from '../../src/boot.ts';
import { createInFlight } from '../../src/proxy/in-flight.ts';

const log = createLog('test', { level: 'silent' });
const operator_id = 'op_01kt16jkm0emq8k9w39qsaekf4';
let nats: Awaited<ReturnType<typeof withNats>>;
let bus: Bus;
let clock: Clock;
let boot: Boot;
const connect = (user: string): Promise<Bus> =>
  connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: 'test', log });
before(async () => {
  nats = await withNats();
  bus = await connect('gateway');
  clock = await createClock(bus);
  boot = await startBoot({ bus, clock, log, instance: 'test' });
});
after(async () => {
  await boot.stop();
  clock.stop();
  await bus.close();
  await nats.stop();
});

let written = 0;
const fact = (): Fact => ({
  id: `evt_${++written}`,
  type: 'x',
  v: 1,
  at: 0,
  operator_id,
  actor: { type: 'service', id: 'test' },
  data: {},
});

test('given a fence whose effect is of a later version, what is believed about its targets is asked again', async () => {
  const owner = await connect('passports');
  const known = fenceHeaders('revoked', 'agent', 'agt_1', ['agent:agt_1']);
  const headers = { ...known, 'Sp-Fence': 'paused agent agt_1' };
  const stored = await append(owner, [{ subject: `ledger.3.${operator_id}.fence.agent.agt_1`, facts: [fact()], headers, id: 'later' }]);
  assert.ok('seq' in stored);
  await eventually(() => boot.feed.position() >= stored.seq);
  const targets = [targetHash('agent:agt_1')];
  assert.equal(boot.feed.admission.lastFence('narrowed', targets), stored.seq);
  assert.equal(boot.feed.admission.lastFence('revoked', targets), 0);
  await owner.close();
});

// Last: nothing is read behind it.
test('given a record that cannot be read, no call goes, those in flight are cut, and readiness can tell', async (t) => {
  const causes: string[] = [];
  const inFlight = createInFlight(boot.feed);
  t.after(inFlight.stop);
  inFlight.add(['a target'], (cause) => causes.push(cause));
  assert.equal(boot.feed.fresh(), true);
  const headers = { [ENTRIES_HEADER]: joinEntries([Uint8Array.of(99)]) };
  await append(bus, [{ subject: 'ledger.3.calls.boot_later', facts: [fact()], headers, id: 'unreadable' }]);
  await eventually(() => !boot.feed.fresh());
  await eventually(() => causes.length > 0);
  assert.deepEqual(causes, ['stale']);
});

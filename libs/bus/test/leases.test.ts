import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectBus } from '../src/connect.ts';
import { createLease, type Lease, type LeaseOptions, liveHolders } from '../src/leases.ts';
import { eventually } from './support/eventually.ts';
import { type Nats, startNats } from './support/nats.ts';
import { type Proxy, startProxy } from './support/proxy.ts';
import { silent } from './support/silent.ts';

let nats: Nats;
let proxy: Proxy;
const leases: Lease[] = [];

before(async () => {
  nats = await startNats();
  proxy = await startProxy(nats.port);
});

after(async () => {
  await Promise.all(leases.map((lease) => lease.stop()));
  await nats?.stop();
  await proxy?.close();
});

async function hold(options: Partial<LeaseOptions> & { key: string; holder: string }, port = nats.port): Promise<Lease> {
  const lease = createLease(await nats.bus('audit', port), { renew_ms: 200, ...options });
  leases.push(lease);
  return lease;
}

/** Fences as Postgres would give them. */
function fences(): () => Promise<number> {
  let fence = 0;
  return async () => ++fence;
}

test('given a free lease, one of two gets it, with a fence; the other gets it when it is given back, with a higher one', async () => {
  const takeFence = fences();
  const first = await hold({ key: 'audit.partition.1', holder: 'a', takeFence });
  await first.taken;
  const second = await hold({ key: 'audit.partition.1', holder: 'b', takeFence });
  // Long enough for the second to have tried several times.
  const until = performance.now() + 1_500;
  await eventually(() => {
    assert.ok(first.held() && !second.held());
    return performance.now() > until;
  });
  assert.equal(first.fence(), 1);
  await first.stop();
  assert.ok(!first.held());
  await second.taken;
  assert.equal(second.fence(), 2);
});

test('given renewals, a lease outlives its own term', async () => {
  const lease = await hold({ key: 'audit.long', holder: 'a', lapse_ms: 3_000 });
  await lease.taken;
  const until = performance.now() + 4_000;
  await eventually(() => {
    assert.ok(lease.held());
    return performance.now() > until;
  });
});

test('given a holder that is cut off, it stops believing before the bucket forgets, and another takes over with a new fence', {
  timeout: 40_000,
}, async () => {
  const takeFence = fences();
  const cut = await hold({ key: 'audit.cut', holder: 'cut', takeFence, renew_ms: 1_000 }, proxy.port);
  await cut.taken;
  const heir = await hold({ key: 'audit.cut', holder: 'heir', takeFence });
  proxy.pause();
  await eventually(() => {
    assert.ok(!(cut.held() && heir.held()));
    return heir.held();
  }, 30_000);
  assert.ok(!cut.held());
  assert.equal(heir.fence(), 2);
  proxy.resume();
  await eventually(() => cut.remaining_ms() === 0 && cut.fence() === 0);
});

test('given a server that restarts with an empty bucket, the holder puts its lease again under the same fence', async () => {
  const takeFence = fences();
  const lease = await hold({ key: 'audit.again', holder: 'a', takeFence });
  await lease.taken;
  await nats.kill();
  await nats.start();
  const bus = await connectBus({ url: nats.url, user: 'audit', password: 'audit', name: 'look', log: silent });
  await eventually(
    async () => (await liveHolders(bus, 'audit')).some(({ key, holder }) => key === 'audit.again' && holder === 'a'),
    10_000,
  );
  assert.ok(lease.held());
  assert.equal(lease.fence(), 1);
  await bus.close();
});

test('given leases under a prefix, exactly the live ones are listed', async () => {
  const [one, two] = [await hold({ key: 'audit.boot.bt_1', holder: 'bt_1' }), await hold({ key: 'audit.boot.bt_2', holder: 'bt_2' })];
  await Promise.all([one.taken, two.taken]);
  await two.stop();
  const found = await liveHolders(await nats.bus(), 'audit.boot');
  assert.deepEqual(
    found.map(({ key, holder, fence }) => ({ key, holder, fence })),
    [{ key: 'audit.boot.bt_1', holder: 'bt_1', fence: 0 }],
  );
});

test('given a key of another service, it is refused', async () => {
  const bus = await nats.bus('audit');
  assert.throws(() => createLease(bus, { key: 'gateway.sweep', holder: 'a' }), RangeError);
});

test('given Postgres that gives no fence, the lease is not held', async () => {
  let calls = 0;
  const lease = await hold({
    key: 'audit.nofence',
    holder: 'a',
    takeFence: async () => {
      if (++calls < 3) throw new Error('no database');
      return 7;
    },
  });
  await eventually(() => {
    assert.ok(calls >= 3 || !lease.held());
    return lease.held();
  });
  assert.equal(lease.fence(), 7);
});

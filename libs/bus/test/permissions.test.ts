import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { operations, SERVICES } from '@sallyport/contracts/operation.ts';
import { setUpStreams, waitForStreams } from '../src/admin.ts';
import { api, getMessage, LEDGER, streamInfo } from '../src/api.ts';
import { append } from '../src/append.ts';
import { createClock } from '../src/clock.ts';
import type { Bus } from '../src/connect.ts';
import { type Entry, follow } from '../src/follow.ts';
import { createLease } from '../src/leases.ts';
import { natsUsers } from '../src/permissions.ts';
import { operationSubject } from '../src/subjects.ts';
import { createTimers } from '../src/timers.ts';
import { eventually } from './support/eventually.ts';
import { fact } from './support/facts.ts';
import { type Nats, startNats } from './support/nats.ts';

const KINDS = [
  'keyset',
  'review',
  'operator',
  'member',
  'key',
  'agent',
  'mission',
  'passport',
  'session',
  'grant',
  'challenge',
  'unique',
  'connection',
  'signal',
  'export',
  'intent',
  'command',
];
const FENCES = ['keyset', 'operator', 'key', 'member', 'agent', 'session', 'passport', 'mission', 'grant', 'connection', 'intent'];

/** What each may write: restated here on purpose, so that a wider table is a failing test. */
const WRITES: Record<string, { kinds: string[]; fences: string[]; calls: boolean }> = {
  passports: { kinds: KINDS.slice(0, 12), fences: FENCES.slice(0, 9), calls: false },
  vault: { kinds: ['connection', 'unique'], fences: ['connection'], calls: false },
  gateway: { kinds: ['export'], fences: [], calls: true },
  detectors: { kinds: ['signal'], fences: [], calls: false },
  audit: { kinds: [], fences: [], calls: false },
};

const ADMINISTRATIVE = [
  ...['LEDGER', 'TIMERS', 'KV_leases', 'NEW'].flatMap((stream) =>
    ['CREATE', 'UPDATE', 'DELETE', 'PURGE', 'MSG.DELETE', 'SNAPSHOT', 'RESTORE', 'PEER.REMOVE', 'LEADER.STEPDOWN'].map(
      (verb) => `$JS.API.STREAM.${verb}.${stream}`,
    ),
  ),
  '$JS.API.STREAM.LIST',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.INFO.TIMERS',
  '$JS.API.STREAM.MSG.GET.TIMERS',
  '$JS.API.DIRECT.GET.LEDGER',
  '$JS.API.INFO',
  '$JS.API.ACCOUNT.PURGE.APP',
  '$JS.API.META.LEADER.STEPDOWN',
  ...['LIST', 'NAMES'].map((verb) => `$JS.API.CONSUMER.${verb}.LEDGER`),
  ...['INFO', 'DELETE', 'PAUSE', 'RESET', 'UNPIN', 'LEADER.STEPDOWN', 'MSG.NEXT', 'DURABLE.CREATE'].map(
    (verb) => `$JS.API.CONSUMER.${verb}.LEDGER.gateway_feed_x`,
  ),
  '$JS.API.CONSUMER.CREATE.KV_leases.x',
  '$JS.API.CONSUMER.CREATE.TIMERS.x',
  '$JS.API.CONSUMER.CREATE.TIMERS.x.timers.>',
  '$SYS.REQ.SERVER.PING',
  '$SYS.REQ.ACCOUNT.APP.CONNZ',
];

let nats: Nats;
const buses = new Map<string, Bus>();

before(async () => {
  nats = await startNats();
  for (const { name } of natsUsers()) buses.set(name, await nats.bus(name));
});

after(async () => nats?.stop());

function as(user: string): Bus {
  const bus = buses.get(user);
  assert.ok(bus);
  return bus;
}

/** The server's errors since a moment, on this connection. */
function violations(bus: Bus): { seen: string[]; stop(): void } {
  const seen: string[] = [];
  const status = bus.nc.status()[Symbol.asyncIterator]();
  void (async () => {
    for (let next = await status.next(); !next.done; next = await status.next())
      if (next.value.type === 'error') seen.push(next.value.error.message);
  })();
  return { seen, stop: () => void status.return?.() };
}

/** Publishes to each subject and returns those that the server refused, by its own word. */
async function refusedPublishing(bus: Bus, subjects: string[]): Promise<string[]> {
  const watch = violations(bus);
  for (const subject of subjects) bus.nc.publish(subject, '');
  await bus.nc.flush();
  await bus.nc.flush();
  await new Promise((resolve) => setImmediate(resolve));
  watch.stop();
  return subjects.filter((subject) =>
    watch.seen.some((line) => line.includes('Permissions Violation for Publish') && line.includes(`"${subject}"`)),
  );
}

async function refusedSubscribing(bus: Bus, subjects: string[]): Promise<string[]> {
  const refused: string[] = [];
  for (const subject of subjects) {
    const subscription = bus.nc.subscribe(subject, { callback: (error) => void (error && refused.push(subject)) });
    await bus.nc.flush();
    subscription.unsubscribe();
  }
  return refused;
}

/** Late answers to others, and what others' answers are told. */
const lateOf = (service: string): string[] => [
  'late.>',
  'heard.>',
  ...SERVICES.filter((other) => other !== service).map((other) => `heard.${other}.*.*`),
  ...[...SERVICES, 'host'].filter((other) => other !== service).map((other) => `late.*.${other}.*.*`),
];

const ledgerSubjects = (user: string): { own: string[]; foreign: string[] } => {
  const writes = WRITES[user] ?? { kinds: [], fences: [], calls: false };
  const own: string[] = [];
  const foreign: string[] = [];
  for (const kind of KINDS) (writes.kinds.includes(kind) ? own : foreign).push(`ledger.3.op_1.${kind}.x`);
  for (const kind of FENCES) (writes.fences.includes(kind) ? own : foreign).push(`ledger.3.op_1.fence.${kind}.x`);
  (writes.calls ? own : foreign).push('ledger.3.calls.bt_1');
  // Keys of people and programs are among the platform's unique things.
  (user === 'passports' ? own : foreign).push('ledger.3.-.unique.x');
  foreign.push('ledger.3', 'ledger.3.op_1.fence', 'ledger.3.calls.bt_1.more');
  return { own, foreign };
};

test('given the administrator on the host, it asks its operations and touches neither the log nor a stream', async () => {
  const { own, foreign } = ledgerSubjects('host');
  assert.deepEqual(own, []);
  assert.deepEqual(await refusedPublishing(as('host'), [...foreign, ...ADMINISTRATIVE]), [...foreign, ...ADMINISTRATIVE]);
  const may = operations().filter(({ asked_by }) => asked_by?.includes('host'));
  const all = operations().map(({ owner, name }) => operationSubject(owner, name));
  const allowed = may.map(({ owner, name }) => operationSubject(owner, name));
  assert.ok(allowed.includes('op.passports.keys.revoke'));
  assert.deepEqual(
    await refusedPublishing(as('host'), all),
    all.filter((subject) => !allowed.includes(subject)),
  );
});

for (const service of SERVICES) {
  test(`given ${service}, it writes its own facts and no others`, async () => {
    const { own, foreign } = ledgerSubjects(service);
    assert.deepEqual(await refusedPublishing(as(service), foreign), foreign);
    for (const subject of own) {
      const expect = (await getMessage(as(service), LEDGER, { last_by_subj: subject }))?.seq ?? 0;
      assert.ok('seq' in (await append(as(service), [{ subject, facts: [fact('a.b')], id: `${service} ${subject}`, expect }])), subject);
    }
  });

  test(`given ${service}, every administrative call is refused`, async () => {
    assert.deepEqual(await refusedPublishing(as(service), ADMINISTRATIVE), ADMINISTRATIVE);
  });

  test(`given ${service}, a message that it sends itself gives it no right to answer elsewhere`, async () => {
    const { nc } = as(service);
    const { publish, subscribe } = natsUsers().find(({ name }) => name === service)?.permissions ?? assert.fail();
    const concrete = (subject: string): string => subject.replaceAll('*', service).replace('>', 'x');
    const heard = subscribe.allow.map((subject) => nc.subscribe(subject, { callback: (_error, message) => void message?.respond('') }));
    await nc.flush();
    const watch = violations(as(service));
    for (const subject of [...publish.allow.filter((one) => !one.startsWith('$') && !one.startsWith('ledger.')), ...subscribe.allow])
      nc.publish(concrete(subject), '', { reply: '$JS.API.STREAM.DELETE.LEDGER' });
    await nc.flush();
    await nc.flush();
    watch.stop();
    for (const subscription of heard) subscription.unsubscribe();
    assert.ok((await streamInfo(as('passports'))).state.last_seq >= 0);
  });

  test(`given ${service}, leases and timers of others are refused`, async () => {
    const others = SERVICES.filter((other) => other !== service).map((other) => `$KV.leases.${other}.x`);
    const foreign = [
      ...others,
      '$KV.leases.x',
      ...(service === 'passports'
        ? ['timers.intent.x']
        : ['timers.passport.x', 'due.passport.x', '$JS.API.CONSUMER.MSG.NEXT.TIMERS.due_passport']),
      'due.mission.x',
    ];
    assert.deepEqual(await refusedPublishing(as(service), foreign), foreign);
  });

  test(`given ${service}, it may ask exactly the operations that name it`, async () => {
    const may = (operation: ReturnType<typeof operations>[number]): boolean =>
      operation.owner !== service &&
      ((service === 'gateway' && operation.http !== undefined) || (operation.asked_by?.includes(service) ?? false));
    const foreign = operations()
      .filter((operation) => !may(operation))
      .map(({ owner, name }) => operationSubject(owner, name));
    assert.deepEqual(await refusedPublishing(as(service), foreign), foreign);
    const own = operations()
      .filter(may)
      .map(({ owner, name }) => operationSubject(owner, name));
    assert.deepEqual(await refusedPublishing(as(service), own), []);
  });

  test(`given ${service}, it cannot listen to what is for others`, async () => {
    const inboxes = [...SERVICES, 'admin', 'host'].filter((other) => other !== service).map((other) => `_INBOX_${other}.>`);
    const served = operations()
      .filter(({ owner }) => owner !== service)
      .map(({ owner, name }) => operationSubject(owner, name));
    const more = service === 'gateway' ? ['ack.x'] : service === 'passports' || service === 'vault' ? ['cut.op_1'] : ['ack.x', 'cut.op_1'];
    const foreign = [
      '>',
      '*',
      '*.>',
      '_INBOX.>',
      'ledger.>',
      'op.>',
      'timers.>',
      '$JS.>',
      '$SYS.>',
      '$KV.>',
      '$JS.EVENT.ADVISORY.>',
      ...inboxes,
      ...lateOf(service),
      ...served,
      ...more,
    ];
    assert.deepEqual(await refusedSubscribing(as(service), foreign), foreign);
  });

  test(`given ${service}, it cannot answer or cut in the name of another`, async () => {
    const inboxes = [...SERVICES, 'admin', 'host'].filter((other) => other !== service).map((other) => `_INBOX_${other}.x.y`);
    const credits = SERVICES.filter(
      (other) =>
        !operations().some(
          (operation) =>
            operation.owner === other &&
            operation.owner !== service &&
            ((service === 'gateway' && operation.http) || operation.asked_by?.includes(service)),
        ),
    ).flatMap((other) => [`credit.${other}.x`, `heard.${other}.x.1`]);
    const core: Record<string, string[]> = {
      passports: ['cut.op_1', 'stack.revoked.op_1'],
      vault: ['cut.op_1'],
      gateway: ['ack.x'],
      detectors: ['det.pos.1', 'det.query.1'],
    };
    const more = [...new Set(Object.values(core).flat())].filter((subject) => !core[service]?.includes(subject));
    const lates = SERVICES.filter((other) => other !== service).map((other) => `late.${other}.gateway.x.1`);
    const foreign = [...inboxes, ...credits, ...lates, ...more];
    assert.deepEqual(await refusedPublishing(as(service), foreign), foreign);
  });

  test(`given ${service}, it can follow, tell the time and hold a lease`, async () => {
    const bus = as(service);
    await waitForStreams(bus, 10_000);
    const clock = await createClock(bus);
    assert.ok(clock.now() > 1_700_000_000_000 && Math.abs(clock.skew_ms()) < 5_000);
    clock.stop();
    const { last_seq } = (await streamInfo(bus)).state;
    for (const filters of [['ledger.*.calls.*'], ['ledger.*.calls.*', 'ledger.*.*.fence.>']]) {
      const seen: Entry[] = [];
      const follower = follow(bus, { name: 'feed', filters, start_seq: last_seq + 1, on_message: (entry) => void seen.push(entry) });
      await follower.opened;
      await append(as('gateway'), [{ subject: 'ledger.3.calls.bt_f', facts: [fact('a.b')], id: `${service}${filters.length}` }]);
      await eventually(() => seen.length > 0);
      await follower.stop();
    }
    const lease = createLease(bus, { key: `${service}.test`, holder: 'a' });
    await lease.taken;
    await lease.stop();
  });
}

test('given passports, it can arm its timers and hear them', async () => {
  const timers = createTimers(as('passports'));
  let due = '';
  const stop = timers.onDue('passport', async (id) => {
    due = id;
  });
  await timers.arm('passport', 'ppt_1', Date.now());
  await eventually(() => due === 'ppt_1');
  await stop.stop();
});

test('given the administrator, it makes streams again without harm, and writes no fact', async () => {
  const { last_seq } = (await streamInfo(as('audit'))).state;
  await setUpStreams(as('admin'));
  assert.equal((await streamInfo(as('audit'))).state.last_seq, last_seq);
  const foreign = [
    'ledger.3.op_1.agent.x',
    'ledger.3.calls.bt_1',
    'timers.passport.x',
    '$KV.leases.audit.x',
    'op.passports.passport.resolve',
  ];
  assert.deepEqual(await refusedPublishing(as('admin'), foreign), foreign);
});

test('given anybody, even the administrator, no fact is purged or deleted', async () => {
  for (const path of [`STREAM.PURGE.${LEDGER}`, `STREAM.MSG.DELETE.${LEDGER}`])
    await assert.rejects(api(as('admin'), path, { seq: 1 }), path);
});

test('given no user, there is no way in', async () => {
  await assert.rejects(nats.bus('nobody'));
});

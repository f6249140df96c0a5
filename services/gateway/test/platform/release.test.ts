import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { publishCut } from '@sallyport/bus/announce.ts';
import { type Clock, createClock } from '@sallyport/bus/clock.ts';
import { type Bus, connectBus } from '@sallyport/bus/connect.ts';
import { createLedger, type Ledger } from '@sallyport/bus/ledger.ts';
import { draft, type Fact } from '@sallyport/contracts/fact.ts';
import { passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { type Target, target } from '@sallyport/contracts/target.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { withNats } from '@sallyport/testing/nats.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type { AttemptEntry } from '@sallyport/admission/entry.ts';
import { attemptHash, targetHash } from '@sallyport/admission/hashes.ts';
import { type Boot, startBoot } from '../../src/boot.ts';
import { type Cuts, listenForCuts } from '../../src/proxy/cuts.ts';
import { createInFlight, type InFlight } from '../../src/proxy/in-flight.ts';
import { release, type Releasing } from '../../src/proxy/release.ts';

const log = createLog('test', { level: 'silent' });
const operator_id = 'op_01kt16jkm0emq8k9w39qsaekf4';
const HELD_MS = 2_000;
let nats: Awaited<ReturnType<typeof withNats>>;
let bus: Bus;
let owner: Bus;
let clock: Clock;
let ledger: Ledger;
let boot: Boot;
let inFlight: InFlight;
let cuts: Cuts;
let jti = '';
const connect = (user: string): Promise<Bus> =>
  connectBus({ url: nats.url, user, password: nats.passwords[user] ?? '', name: 'test', log });
before(async () => {
  nats = await withNats();
  bus = await connect('gateway');
  owner = await connect('passports');
  clock = await createClock(bus);
  ledger = createLedger(owner, { clock });
  boot = await startBoot({ bus, clock, log, instance: 'test' });
  inFlight = createInFlight(boot.feed);
  cuts = listenForCuts(bus, boot.feed, inFlight);
});
after(async () => {
  cuts.stop();
  inFlight.stop();
  await boot.stop();
  clock.stop();
  await Promise.all([bus.close(), owner.close()]);
  await nats.stop();
});
beforeEach(() => {
  jti = newId('passport', clock.now());
});

/** A fence on this passport, read by the gateway when it resolves. */
async function fence(effect: 'revoked' | 'narrowed', targets: Target[] = [target('jti', jti)]): Promise<void> {
  const data = { kind: 'single' as const, target: jti, reason: 'test', cascaded: [], revoked_count: 1, cascaded_count: 0, by: null };
  const decided = await ledger.decide({ operator_id, actor: { type: 'service', id: 'test' } }, async () => ({
    write: [{ fence: { kind: 'passport', id: jti, effect, targets }, operator_id, fact: draft(passportRevoked, data) }],
    value: null,
  }));
  assert.ok(decided.ok);
  await eventually(() => boot.feed.lastFence() >= decided.seq, { everyMs: 1 });
}

function releasing(change: Partial<Releasing<string>> = {}): Releasing<string> {
  const now = clock.now();
  const id = newId('event', now);
  const fact: Fact = { id, type: 'x', v: 1, at: now, operator_id, actor: { type: 'agent', id: 'agt_1' }, jti, data: {} };
  const [o, s, l, a, m, c, g] = ['o', 's', 'l', 'a', 'm', 'c', 'g'].map((text) => targetHash(target('session', text + jti)));
  const hashes = { operator: o ?? '', session: s ?? '', connection: c ?? '', grant: g ?? '', service: c ?? '' };
  const entry: AttemptEntry = {
    kind: 'attempt',
    id: attemptHash(id),
    jti: targetHash(target('jti', jti)),
    ...hashes,
    chain: [{ line: l ?? '', agent: a ?? '' }],
    missions: [m ?? ''],
    caps: [],
    until: now + 60_000,
    checked: boot.feed.position(),
  };
  return { fact, entry, recheck: async () => boot.feed.position(), barred: () => cuts.isCut(operator_id), send: () => 'sent', ...change };
}

const outcome = async (one: Releasing<string>): Promise<unknown> => {
  const released = await release(boot, one);
  return released.kind === 'refused' ? released.verdict.reason : released.kind;
};

/** Anew, with nothing left of the first try, when the log took longer than the half second that a call has for it. */
const outcomeInTime = (make: () => Promise<Releasing<string>>): Promise<unknown> =>
  eventually(async () => {
    jti = newId('passport', clock.now());
    const told = await outcome(await make());
    if (told !== 'given_up') return told;
    await fence('revoked');
    return false;
  });

test('given nothing against it, a recorded call is sent', async () => {
  assert.equal(await outcomeInTime(async () => releasing()), 'released');
});

test('given a revocation between the answers that a call rests on and its record, it is refused as revoked', async () => {
  const one = releasing();
  await fence('revoked');
  assert.equal(await outcome(one), 'revoked');
});

test('given a revocation while the call waits for what was narrowed, it is refused as revoked whatever the owner answers, or does not', async () => {
  const answers: (() => Promise<number | null>)[] = [
    async () => boot.feed.position(),
    async () => null,
    () => Promise.reject(new Error('no answer')),
  ];
  for (const answer of answers) {
    jti = newId('passport', clock.now());
    const recheck = async (): Promise<number | null> => {
      await fence('revoked');
      return answer();
    };
    const one = releasing({ recheck });
    await fence('narrowed');
    assert.equal(await outcome(one), 'revoked');
  }
});

test('given a record that does not come back, and a revocation meanwhile, the call is refused as revoked', async () => {
  const one = releasing();
  const records = {
    ...boot.records,
    readBack: (_fact: Fact, _entry: unknown, onRead: (own: null) => void) => void fence('revoked').then(() => onRead(null)),
  };
  const released = await release({ ...boot, records }, one);
  assert.equal(released.kind === 'refused' && released.verdict.reason, 'revoked');
});

test('given a cut while the call waits, it does not go', async () => {
  const recheck = async (): Promise<number> => {
    await publishCut(owner, { operator_id, targets: [target('jti', jti)] });
    await eventually(() => cuts.isCut(operator_id), { everyMs: 1 });
    return boot.feed.position();
  };
  const making = async (): Promise<Releasing<string>> => {
    const one = releasing({ recheck });
    await fence('narrowed');
    return one;
  };
  assert.equal(await outcomeInTime(making), 'barred');
  await fence('revoked');
  assert.equal(cuts.isCut(operator_id), false);
});

test('given a cut, calls in flight end at once, and it holds until its own revocation is read, not another', async () => {
  const ended: string[] = [];
  inFlight.add([targetHash(target('operator', operator_id))], (cause) => ended.push(cause));
  await publishCut(owner, { operator_id, targets: [target('line', jti), target('jti', jti)] });
  await eventually(() => cuts.isCut(operator_id), { everyMs: 1 });
  assert.deepEqual(ended, ['revoked']);
  await fence('revoked', [target('jti', 'another')]);
  assert.equal(cuts.isCut(operator_id), true);
  await fence('narrowed');
  assert.equal(cuts.isCut(operator_id), true);
  await fence('revoked');
  assert.equal(cuts.isCut(operator_id), false);
});

test('given a cut whose revocation never comes, it ends when its time is over', async () => {
  const held = listenForCuts(bus, boot.feed, inFlight, HELD_MS);
  await bus.nc.flush();
  const began = performance.now();
  await publishCut(owner, { operator_id, targets: [target('jti', jti)] });
  await eventually(() => held.isCut(operator_id), { everyMs: 1 });
  await eventually(() => !held.isCut(operator_id), { everyMs: 10 });
  assert.ok(performance.now() - began >= HELD_MS);
  held.stop();
});

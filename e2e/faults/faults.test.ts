/**
 * One platform, broken in every way that takes less than seconds, judged at the end from its stream, its rows and the upstream's log. The long form is
 * `npm run test:faults`. The order matters: what disturbs the log comes first, since a lost gateway is swept 75 s later.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requires } from '@sallyport/testing/requires.ts';
import { pauseAudit } from './audits.ts';
import { cutAnswers, cutBatches, cutCalls, cutCommands } from './cuts.ts';
import { fullStream, kill, stopNats } from './kills.ts';
import { type Load, startLoad } from './load.ts';
import { againstRevocation, capOfOne, frozen, sameOperation, sameToken, tokenAndCommand, usedElsewhere } from './races.ts';
import { rebuildAll } from './rebuild.ts';
import { settled } from './settle.ts';
import { missedEnd, movedClocks, movedClocksOf } from './time.ts';
import { openWorld, type World } from './world.ts';

const THROUGH_TEST = 'gateway-3';
const ROUNDS = 20;
const CLOSED_MS = 90_000;
const faketime = await requires('faketime');
let world: World;
let load: Load;
before(async () => {
  const proxied = [THROUGH_TEST, 'passports'];
  world = await openWorld({ seed: 42, say: console.log, gateways: 3, proxied, environment: movedClocksOf(faketime) });
});
after(async () => {
  await load?.stop();
  await world?.close();
});

test('given a connection that breaks around a publish of the passport service, each command takes effect once', () =>
  cutCommands(world, ['agent.registered']));
test('given a connection that breaks while an answer is under way, the answer comes all the same', () => cutAnswers(world, THROUGH_TEST));
test('given a connection that breaks in the middle of a batch, all of it is there, once', () => cutBatches(world));
test('given a connection that breaks or falls silent around the record of a call, the call goes once', () =>
  cutCalls(world, THROUGH_TEST, ['cut', 'stored', 'mute']));
test('given NATS that is killed with calls in flight, they pass again within ten seconds', async () => {
  load = await startLoad(world);
  await kill(world, load, 'nats');
});
test('given NATS that stands still for five seconds, calls are refused within one', async () => {
  await stopNats(world, 5_000);
});
test('given a stream that is full, calls are refused and reads go on, until there is room', async () => {
  await fullStream(world, 2_500);
});
test('given a gateway that is killed with calls in flight, they pass again within ten seconds', async () => {
  await kill(world, load, 'gateway');
});
test('given the passport service that is killed with calls in flight, they pass again within ten seconds', async () => {
  await kill(world, load, 'passports');
});
test('given two audit processes and one that is paused past its leases, calls go on', async () => {
  await pauseAudit(world, 17_000);
  await load.stop();
});
test('given a mission that ends while the passport service is down, its end is found when it is back', () => missedEnd(world));
test('given services whose clocks are an hour off, they decide as before', { skip: faketime.skip }, () => movedClocks(world));
test('given one operation id at two gateways at once, exactly one call goes', () => sameOperation(world, ROUNDS));
test('given a mission that may make one call and two at once at two gateways, exactly one goes', () => capOfOne(world, ROUNDS));
test('given one agent token at two gateways at once, exactly one call goes', () => sameToken(world, ROUNDS));
test('given one agent token for a call and for a control write at once, exactly one takes effect', () => tokenAndCommand(world, ROUNDS));
test('given a call that races the revocation of its passport, none goes whose record stands behind it', async () => {
  const { went, refused } = await againstRevocation(world, ROUNDS);
  assert.ok(went > 0 && refused > 0, `${went} went, ${refused} were refused`);
});
test('given a write at one gateway, it holds at every other at once, and nothing is refused for nothing', () =>
  usedElsewhere(world, ROUNDS));
test('given a freeze and its end at different gateways, the next call sees them everywhere', () => frozen(world, 5));
test('given all that, nothing is lost or doubled, and every attempt is closed within 90 s', async () => {
  const { findings, checks } = await settled(world, CLOSED_MS);
  assert.deepEqual(findings, []);
  assert.ok((checks['every upstream call has its earlier record'] ?? 0) > 300, JSON.stringify(checks));
});
test('given every read model emptied and its service killed, it comes back the same, row for row', async () => {
  assert.ok((await rebuildAll(world)) > 0);
});

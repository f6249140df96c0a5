import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClock } from '../src/clock.ts';
import type { Bus } from '../src/connect.ts';
import { eventually } from './support/eventually.ts';
import { type Nats, startNats } from './support/nats.ts';

let nats: Nats;
let bus: Bus;

before(async () => {
  nats = await startNats();
  bus = await nats.bus();
});

after(async () => nats?.stop());

test('given an idle stream, time goes on', async () => {
  const clock = await createClock(bus);
  const start = clock.now();
  await eventually(() => clock.now() >= start + 50);
  clock.stop();
});

test('given a later timestamp of the stream, it moves forward; given an earlier one, it does not move', async () => {
  const clock = await createClock(bus);
  const later = clock.now() + 60_000;
  clock.observe(later);
  assert.ok(clock.now() >= later && clock.now() < later + 1_000);
  clock.observe(later - 30_000);
  assert.ok(clock.now() >= later);
  assert.ok(clock.skew_ms() < -50_000);
  clock.stop();
});

test('given a wall clock of this machine that is moved, nothing changes', async (context) => {
  const clock = await createClock(bus);
  const start = clock.now();
  context.mock.method(Date, 'now', () => 0);
  assert.ok(clock.now() >= start && clock.now() < start + 5_000);
  clock.stop();
});

test('given a connection that was lost and found, the clock has not gone back', async () => {
  const clock = await createClock(bus);
  const start = clock.now();
  await nats.kill();
  await nats.start();
  await eventually(async () => (await bus.nc.rtt()) >= 0);
  assert.ok(clock.now() > start);
  clock.stop();
});

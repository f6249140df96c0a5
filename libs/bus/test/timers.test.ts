import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Bus } from '../src/connect.ts';
import { createTimers, type TimerKind, type Timers } from '../src/timers.ts';
import { eventually } from './support/eventually.ts';
import { type Nats, startNats } from './support/nats.ts';

let nats: Nats;
let bus: Bus;
let timers: Timers;
const listening: { stop(): Promise<void> }[] = [];

before(async () => {
  nats = await startNats();
  bus = await nats.bus('passports');
  timers = createTimers(bus);
});

after(async () => {
  await Promise.all(listening.map((one) => one.stop()));
  await nats?.stop();
});

function onDue(kind: TimerKind, handler: (id: string, payload: unknown) => Promise<void>, by: Timers = timers): { stop(): Promise<void> } {
  const stop = by.onDue(kind, handler);
  listening.push(stop);
  return stop;
}

test('given a timer, it falls due once, not before its time, with its payload', async () => {
  const due: { id: string; payload: unknown; at: number }[] = [];
  const stop = onDue('passport', async (id, payload) => void due.push({ id, payload, at: Date.now() }));
  const at = Date.now() + 1_200;
  await timers.arm('passport', 'ppt_1', at, { operator_id: 'op_1' });
  await eventually(() => due.length > 0);
  assert.deepEqual([due[0]?.id, due[0]?.payload], ['ppt_1', { operator_id: 'op_1' }]);
  assert.ok((due[0]?.at ?? 0) >= at - 50);
  await stop.stop();
  assert.equal(due.length, 1);
});

test('given a timer that is armed again, only the new time counts, earlier or later', async () => {
  const due: { id: string; payload: unknown; at: number }[] = [];
  const stop = onDue('mission', async (id, payload) => void due.push({ id, payload, at: Date.now() }));
  // Far enough for the second arming to come before the first one's time.
  const now = Date.now();
  const times = { ms_sooner: now + 2_500, ms_later: now + 4_000 };
  await timers.arm('mission', 'ms_later', now + 2_000, 'old');
  await timers.arm('mission', 'ms_later', times.ms_later, 'new');
  await timers.arm('mission', 'ms_sooner', now + 60_000, 'old');
  await timers.arm('mission', 'ms_sooner', times.ms_sooner, 'new');
  await eventually(() => due.length === 2);
  assert.deepEqual(due.map(({ id, payload }) => `${id} ${String(payload)}`).sort(), ['ms_later new', 'ms_sooner new']);
  for (const { id, at } of due) assert.ok(at >= (id === 'ms_later' ? times.ms_later : times.ms_sooner) - 50, id);
  await stop.stop();
});

test('given a time that has passed, it falls due at once', async () => {
  const due: string[] = [];
  const stop = onDue('session', async (id) => void due.push(id));
  await timers.arm('session', 'ses_1', Date.now() - 60_000);
  await eventually(() => due.length === 1);
  await stop.stop();
});

test('given a handler that fails, the timer falls due again', async () => {
  let calls = 0;
  const stop = onDue('key', async () => {
    if (++calls === 1) throw new Error('not yet');
  });
  await timers.arm('key', 'key_1', Date.now());
  await eventually(() => calls === 2);
  await stop.stop();
});

test('given two processes, each timer goes to one of them', async () => {
  const due: string[] = [];
  const other = createTimers(await nats.bus('passports'));
  const stops = [timers, other].map((one) => onDue('agent', async (id) => void due.push(id), one));
  const ids = Array.from({ length: 20 }, (_, index) => `agt_${index}`);
  await Promise.all(ids.map((id) => timers.arm('agent', id, Date.now() + 300)));
  await eventually(() => due.length >= 20);
  await Promise.all(stops.map((stop) => stop.stop()));
  assert.deepEqual(due.sort(), ids.sort());
});

test('given a server that is killed while a timer waits, it falls due all the same', async () => {
  const due: string[] = [];
  const stop = onDue('checkpoint', async (id) => void due.push(id));
  await timers.arm('checkpoint', 'ckp_1', Date.now() + 1_000);
  await nats.kill();
  await nats.start();
  await eventually(() => due.length === 1);
  await stop.stop();
});

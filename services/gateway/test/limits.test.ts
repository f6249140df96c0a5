import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimits } from '../src/http/rate-limits.ts';
import { checkLimits } from '../src/http/limits.ts';
import { createRoom } from '../src/proxy/room.ts';

test('given a burst, the bucket empties and fills again with time', () => {
  const limits = createLimits({ off: false });
  let allowed = 0;
  while (limits.take('proxy', 'agt', 0).ok) allowed++;
  assert.equal(allowed, 40);
  assert.equal(limits.take('proxy', 'other', 0).ok, true);
  const refused = limits.take('proxy', 'agt', 1);
  assert.deepEqual([refused.ok, refused.limit, refused.remaining, refused.reset], [false, 1200, 0, 1]);
  assert.equal(limits.take('proxy', 'agt', 60).ok, true);
});

test('given limits switched off, everything passes', () => {
  const limits = createLimits({ off: true });
  for (let i = 0; i < 1000; i++) assert.ok(limits.take('enrolment', 'x', 0).ok);
});

test('given a request beyond a limit, it is refused before its body is read', () => {
  const refusal = (url: string, raw: string[] = [], headers = {}): unknown => checkLimits(url, headers, raw)?.code ?? null;
  assert.equal(refusal('/v1/agents'), null);
  assert.equal(refusal(`/${'a'.repeat(8192)}`), 'PAYLOAD_TOO_LARGE');
  assert.equal(
    refusal(
      '/',
      Array.from({ length: 130 }, () => 'x'),
    ),
    'PAYLOAD_TOO_LARGE',
  );
  assert.equal(refusal('/', ['x-big', 'a'.repeat(8193)]), 'PAYLOAD_TOO_LARGE');
  assert.equal(refusal('/', ['X-Passport-Token', 'a'.repeat(16_384)]), null);
  assert.equal(refusal('/', ['X-Passport-Token', 'a'.repeat(16_500)]), 'INVALID_REQUEST');
  assert.equal(refusal(`/?${'a&'.repeat(128)}`), 'PAYLOAD_TOO_LARGE');
  for (const name of ['Host', 'authorization', 'Origin', 'Content-Type'])
    assert.equal(refusal('/', [name, 'a', 'Accept', 'b', name.toUpperCase(), 'a']), 'INVALID_REQUEST', name);
  assert.equal(refusal('/', ['Accept', 'a', 'Accept', 'b']), null);
  assert.equal(refusal('/', [], { 'content-encoding': 'gzip' }), 'UNSUPPORTED_MEDIA_TYPE');
});

test('given room that is used up, only the oldest response is read on until it ends', () => {
  const room = createRoom(10);
  const log: string[] = [];
  const flow = (name: string) => ({ pause: () => log.push(`${name} paused`), resume: () => log.push(`${name} resumed`) });
  const first = room.enter(flow('first'));
  const second = room.enter(flow('second'));
  first.take(6);
  second.take(5);
  assert.ok(room.full());
  first.take(4);
  assert.deepEqual(log, ['second paused']);
  first.release();
  assert.deepEqual(log, ['second paused', 'second resumed']);
  assert.equal(room.full(), false);
  second.release();
  second.release();
  assert.equal(room.used(), 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recordedAt, recordedMilliseconds } from '../src/recorded-at.ts';

test('the published time comes out of its nanoseconds, cut to microseconds', () => {
  assert.equal(recordedAt(1780304417000412999n), '2026-06-01T09:00:17.000412Z');
  assert.equal(recordedMilliseconds('2026-06-01T09:00:17.000412Z'), 1780304417000);
  assert.equal(recordedMilliseconds('2026-06-01T09:00:17.999999Z'), 1780304417999);
});

test('text and milliseconds agree with the calendar of the platform', () => {
  const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: last }), fc.nat(999), (milliseconds, micros) => {
      const text = recordedAt(BigInt(milliseconds) * 1_000_000n + BigInt(micros) * 1000n);
      assert.equal(text, `${new Date(milliseconds).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`);
      assert.equal(recordedMilliseconds(text), milliseconds);
    }),
    { numRuns: 2000 },
  );
});

test('what is no such time is null', () => {
  for (const bad of [
    '2025-02-29T00:00:00.000000Z',
    '2026-13-01T00:00:00.000000Z',
    '2026-00-10T00:00:00.000000Z',
    '2026-01-01T00:60:00.000000Z',
    '2026-01-01',
  ]) {
    assert.equal(recordedMilliseconds(bad), null, bad);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash12 } from '@sallyport/contracts/target.ts';
import fc from 'fast-check';
import { decodeEntry, type Entry, encodeEntry, hashOf } from '../src/entry.ts';
import { decodeEntries, joinEntries } from '../src/header.ts';

const hash = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => hashOf(bytes));
const time = fc.integer({ min: 0, max: 2 ** 47 });
const cap = fc.record({
  mission: fc.integer({ min: 0, max: 4 }),
  kind: fc.constantFrom('actions' as const, 'actions_per_service' as const),
  limit: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  behaviour: fc.constantFrom('deny' as const, 'flag' as const),
});
const attempt = fc.record(
  {
    kind: fc.constant('attempt' as const),
    id: hash,
    operator: hash,
    caller: hash,
    session: hash,
    jti: hash,
    chain: fc.array(fc.record({ line: hash, agent: hash }), { minLength: 1, maxLength: 5 }),
    missions: fc.array(hash, { minLength: 1, maxLength: 5 }),
    connection: hash,
    grant: hash,
    service: hash,
    operation: fc.record({ id: hash, digest: hash }),
    approval: hash,
    jwt: hash,
    caps: fc.array(cap, { maxLength: 10 }),
    until: time,
    checked: time,
  },
  {
    requiredKeys: [
      'kind',
      'id',
      'operator',
      'session',
      'jti',
      'chain',
      'missions',
      'connection',
      'grant',
      'service',
      'caps',
      'until',
      'checked',
    ],
  },
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  attempt,
  fc.record({
    kind: fc.constant('closing' as const),
    attempt: hash,
    sent: fc.boolean(),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'unknown' as const, 'denied' as const),
  }),
  fc.record({ kind: fc.constant('assertion' as const), jwt: hash, until: time }),
  fc.record({ kind: fc.constant('boot_closed' as const), boot: hash }),
  fc.constant({ kind: 'boot_started' as const }),
  fc.constant({ kind: 'none' as const }),
);

test('every entry comes back from its bytes as it went in', () => {
  fc.assert(fc.property(entry, (one) => assert.deepEqual(decodeEntry(encodeEntry(one)), JSON.parse(JSON.stringify(one)))));
});

test('a header holds entries in order', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (all) =>
      assert.deepEqual(decodeEntries(joinEntries(all.map(encodeEntry))), JSON.parse(JSON.stringify(all))),
    ),
  );
});

test('a cut header is refused', () => {
  const whole = Buffer.from(joinEntries([encodeEntry({ kind: 'assertion', jwt: hashOf(hash12('a')), until: 5 })]), 'base64');
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decodeEntries(whole.subarray(0, length).toString('base64')), RangeError);
  }
});

test('200 calls of a passport without parents fit into 48 KB of header', () => {
  const h = hashOf(hash12('x'));
  const bytes = encodeEntry({
    kind: 'attempt',
    id: h,
    operator: h,
    caller: h,
    session: h,
    jti: h,
    chain: [{ line: h, agent: h }],
    missions: [h],
    connection: h,
    grant: h,
    service: h,
    operation: { id: h, digest: h },
    caps: [],
    until: 1,
    checked: 1,
  });
  assert.ok(joinEntries(Array.from({ length: 200 }, () => bytes)).length <= 48 * 1024 + 2048, String(bytes.length));
});

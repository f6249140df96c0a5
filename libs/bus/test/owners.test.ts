import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factTypes } from '@sallyport/contracts/facts.ts';
import { isRightful, OWNS } from '../src/owners.ts';
import { aggregateSubject, callsSubject, fenceSubject, partitionOf, PLATFORM } from '../src/subjects.ts';

const ACME = 'op_acme';
const calls = callsSubject(partitionOf(ACME), 'bt_1');
const on = (kind: string): string => aggregateSubject(ACME, kind, 'x');
const rightful = (subject: string, type: string): boolean => isRightful(subject, { type, operator_id: ACME });

test('a fact counts on the subjects of its owner alone', () => {
  const homes = {
    'member.removed': OWNS.passports.kinds,
    'passport.issued': OWNS.passports.kinds,
    'service.connected': OWNS.vault.kinds,
    'signal.raised': OWNS.detectors.kinds,
    'audit.exported': OWNS.gateway.kinds,
  };
  const kinds = Object.values(OWNS).flatMap((owns) => owns.kinds);
  for (const [type, own] of Object.entries(homes))
    for (const kind of kinds) assert.equal(rightful(on(kind), type), own.includes(kind), `${type} on ${kind}`);
  for (const type of Object.keys(homes)) assert.equal(rightful(calls, type), type === 'audit.exported', type);
  assert.ok(rightful(calls, 'call.attempted'));
  for (const subject of [fenceSubject(ACME, 'member', 'x'), 'ledger.x', 'timers.due'])
    assert.ok(!rightful(subject, 'member.removed'), subject);
});

test('a fact counts for the operator of its subject alone, but where the subject is the whole platform’s', () => {
  assert.ok(!isRightful(on('member'), { type: 'member.removed', operator_id: 'op_other' }));
  const elsewhere = Array.from({ length: 50 }, (_, n) => `op_${n}`).find((id) => partitionOf(id) !== partitionOf(ACME)) ?? '';
  assert.ok(!isRightful(calls, { type: 'call.attempted', operator_id: elsewhere }));
  assert.ok(isRightful(calls, { type: 'boot.closed', operator_id: PLATFORM }));
  assert.ok(rightful(aggregateSubject(PLATFORM, 'device', 'x'), 'device.approved'));
  assert.ok(!rightful(aggregateSubject(PLATFORM, 'connection', 'x'), 'service.connected'));
});

test('every published type has an owner, or says nothing that needs one', () => {
  const free = factTypes().filter(({ type }) => rightful('nowhere', type));
  assert.deepEqual([...new Set(free.map(({ type }) => type.split('.', 1)[0]))].sort(), ['fence', 'idempotency']);
});

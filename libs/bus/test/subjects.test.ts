import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverIsRecent } from '../src/connect.ts';
import {
  aggregateSubject,
  callsSubject,
  fenceSubject,
  operationSubject,
  PARTITIONS,
  parseSubject,
  partitionOf,
  uniqueSubject,
} from '../src/subjects.ts';

test('partitions are fixed for ever and share the operators', () => {
  // FNV-1a's published vectors: '' 811c9dc5, 'a' e40c292c, 'foobar' bf9cf968.
  assert.deepEqual(['', 'a', 'foobar'].map(partitionOf), [0x5, 0xc, 0x8]);
  const used = new Set(Array.from({ length: 200 }, (_, index) => partitionOf(`op_${index}`)));
  assert.equal(used.size, PARTITIONS);
});

test('every subject parses back to its parts', () => {
  const partition = partitionOf('op_1');
  assert.deepEqual(parseSubject(aggregateSubject('op_1', 'agent', 'agt_1')), {
    type: 'aggregate',
    partition,
    operator_id: 'op_1',
    kind: 'agent',
    id: 'agt_1',
  });
  assert.deepEqual(parseSubject(fenceSubject('op_1', 'agent', 'agt_1')), {
    type: 'fence',
    partition,
    operator_id: 'op_1',
    kind: 'agent',
    id: 'agt_1',
  });
  assert.deepEqual(parseSubject(uniqueSubject('-', 'abc')), { type: 'unique', partition: partitionOf('-'), operator_id: '-', hash: 'abc' });
  assert.deepEqual(parseSubject(callsSubject(15, 'bt_1')), { type: 'calls', partition: 15, boot: 'bt_1' });
  for (const foreign of [
    '',
    'ledger',
    'ledger.16.calls.x',
    'ledger.1.calls',
    'ledger.1.op_1.agent',
    'other.1.op_1.agent.x',
    'ledger.1.op.fence.agent',
    'ledger.1.a.b.c.d',
  ]) {
    assert.equal(parseSubject(foreign), null, foreign);
  }
});

test('an id that would name another subject is refused', () => {
  for (const id of ['', 'a.b', '*', '>', 'a b', 'a\r\nPUB', 'ü', 'x'.repeat(129)]) {
    assert.throws(() => aggregateSubject('op_1', 'agent', id), RangeError);
    assert.throws(() => aggregateSubject(id, 'agent', 'x'), RangeError);
    assert.throws(() => uniqueSubject('op_1', id), RangeError);
    assert.throws(() => callsSubject(1, id), RangeError);
    assert.throws(() => operationSubject('passports', id === 'a.b' ? 'a..b' : id), RangeError);
  }
  assert.throws(() => callsSubject(16, 'bt'), RangeError);
});

test('a server before 2.14 is refused', () => {
  assert.deepEqual(['2.13.9', '2.14.0', '2.15.2', '3.0.0', '1.99.0', 'v2.14.0-RC.1', 'x'].map(serverIsRecent), [
    false,
    true,
    true,
    true,
    false,
    true,
    false,
  ]);
});

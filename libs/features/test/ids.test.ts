import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { keyedHash, networkHash } from '../src/keyed-hash.ts';
import { fnv1a32, partitionOf } from '../src/partition.ts';
import { signalId } from '../src/signal-id.ts';

test('the published FNV-1a values and partitions hold', () => {
  assert.equal(fnv1a32(''), 2166136261);
  assert.equal(fnv1a32('a'), 3826002220);
  assert.equal(fnv1a32('^issue$'), 4123215776);
  assert.equal(fnv1a32('ses_demo1'), 1924075287);
  assert.equal(partitionOf('ses_demo1'), 23);
  assert.equal(partitionOf('agt_demo1'), 2);
  assert.equal(fnv1a32('agt_demo1'), 1766550210);
});

const CAUSE = {
  detector: 'credential_outside_scope',
  version: '1.0.0',
  operator_id: 'op_01kt16jkm0emq8k9w39qsaekf4',
  key: 'ms_01kt16jphrfacb42v78k230hbe',
  cause_event_id: 'evt_01kt16k0a8e35rw9hmckwyqppc',
  cause_at_ms: 1780304411000,
};

test('the published signal id holds, and a code makes another one', () => {
  assert.equal(signalId(CAUSE), 'sev_01kt16jybreqr94fverndmm0kx');
  const coded = signalId({ ...CAUSE, code: 'host' });
  assert.notEqual(coded, signalId(CAUSE));
  assert.equal(coded.slice(0, 14), signalId(CAUSE).slice(0, 14));
});

const KEY = Buffer.alloc(32, 1);

test('a keyed hash is the first 8 bytes of the HMAC, and another under another key', () => {
  assert.equal(keyedHash(KEY, 'github'), createHmac('sha256', KEY).update('github').digest().subarray(0, 8).toString('hex'));
  assert.notEqual(keyedHash(KEY, 'github'), keyedHash(Buffer.alloc(32, 2), 'github'));
});

test('addresses of one network hash alike', () => {
  assert.equal(networkHash(KEY, '203.0.113.7'), networkHash(KEY, '::ffff:203.0.113.250'));
  assert.notEqual(networkHash(KEY, '203.0.113.7'), networkHash(KEY, '203.0.112.7'));
  assert.equal(networkHash(KEY, '2001:db8:1::1'), networkHash(KEY, '2001:0db8:0001:ffff::2'));
  assert.notEqual(networkHash(KEY, '2001:db8:1::1'), networkHash(KEY, '2001:db8:2::1'));
  assert.equal(networkHash(KEY, '::1'), keyedHash(KEY, '0:0:0::/48'));
  assert.equal(networkHash(KEY, 'fe80::1%eth0'), networkHash(KEY, 'fe80::2'));
  assert.equal(networkHash(KEY, 'unix'), null);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKeyOwner, makeApiKey } from '../src/api-key.ts';
import { base32, idTime, isId, makeId } from '../src/ids.ts';

const random = new Uint8Array(32).map((_, index) => index * 7);

test('given 32 random bytes, a key has its prefix, 59 characters and its owner', () => {
  const key = makeApiKey('operator', random);
  assert.match(key, /^sk_live_op_[0-9a-hjkmnp-tv-z]{59}$/);
  assert.equal(apiKeyOwner(key), 'operator');
  assert.equal(apiKeyOwner(makeApiKey('member', random)), 'member');
});

test('given a key with one character changed, nobody owns it', () => {
  const key = makeApiKey('operator', random);
  for (const at of [12, 40, key.length - 1]) {
    const other = key[at] === '0' ? '1' : '0';
    assert.equal(apiKeyOwner(key.slice(0, at) + other + key.slice(at + 1)), null);
  }
  assert.equal(apiKeyOwner(`${key}0`), null);
  assert.equal(apiKeyOwner(key.replace('op_', 'mem_')), null);
});

test('given bytes, base32 is their number, most significant bits first', () => {
  const number = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  for (const length of [4, 16, 32]) {
    const bytes = new Uint8Array(length).map((_, index) => (index * 73 + 201) % 256);
    let rest = number(bytes);
    let text = '';
    for (let i = 0; i < Math.ceil((length * 8) / 5); i++) {
      text = '0123456789abcdefghjkmnpqrstvwxyz'[Number(rest & 31n)] + text;
      rest >>= 5n;
    }
    assert.equal(base32(bytes), text);
  }
});

test('given a time, an id gives it back', () => {
  const id = makeId('request', 1780304403123, random.subarray(0, 10));
  assert.ok(isId('request', id));
  assert.equal(idTime(id), 1780304403123);
});

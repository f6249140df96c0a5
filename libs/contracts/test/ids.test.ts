import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditIdOf, base32, idTime, isId, makeId, PREFIXES, type IdKind, uuidv7 } from '../src/ids.ts';

const random = Uint8Array.from({ length: 10 }, (_, index) => 0xff - index);
const KINDS = Object.keys(PREFIXES).filter((kind): kind is IdKind => kind in PREFIXES);

test('given a time, every kind of id gives it back and is of its kind alone', () => {
  for (const time of [0, 1, 1_780_304_400_000, 2 ** 48 - 1]) {
    for (const kind of KINDS) {
      const id = makeId(kind, time, random);
      assert.equal(idTime(id), time);
      assert.deepEqual(
        KINDS.filter((other) => isId(other, id)),
        [kind],
      );
    }
  }
});

test('given ids from the examples of the specification, their times are those of the example', () => {
  assert.equal(idTime('op_01kt16jkm0emq8k9w39qsaekf4'), Date.parse('2026-06-01T09:00:00.000Z'));
  assert.equal(idTime('agt_01kt16jnjge4ma4jz41b93y214'), Date.parse('2026-06-01T09:00:02.000Z'));
});

test('given later times, ids sort by them whatever the randomness', () => {
  const ids = [1, 2, 3, 1000, 1001].map((time) => makeId('event', time, time % 2 ? random : new Uint8Array(10)));
  assert.deepEqual([...ids].sort(), ids);
});

test('given the bytes of RFC 9562 A.6, version and variant stand where they belong', () => {
  const bytes = Buffer.from(uuidv7(0x017f22e279b0, Buffer.from('0cc318c4dc0c0c07398f', 'hex'))).toString('hex');
  assert.equal(bytes, '017f22e279b07cc398c4dc0c0c07398f');
  assert.equal(base32(new Uint8Array(16).fill(0xff)), '7zzzzzzzzzzzzzzzzzzzzzzzzz');
});

test('given anything else, it is no id', () => {
  const good = makeId('agent', 1, random);
  for (const bad of [
    '',
    'agt_',
    good.slice(0, -1),
    `${good}0`,
    good.toUpperCase(),
    good.replace('agt_', 'agt-'),
    `agt_8${good.slice(5)}`,
    `${good.slice(0, -1)}u`,
    `${good}\n`,
  ]) {
    assert.equal(idTime(bad), null, bad);
    assert.equal(isId('agent', bad), false, bad);
  }
  assert.throws(() => uuidv7(1, new Uint8Array(9)), RangeError);
});

test('given a fact, the id of its audit row is known beforehand', () => {
  assert.equal(auditIdOf('evt_01kt16k0a8e35rw9hmckwyqppc'), 'aud_01kt16k0a8e35rw9hmckwyqppc');
});

test('given bytes of any length, their base 32 text is the number that they are', () => {
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  for (const length of [1, 2, 3, 4, 5, 8, 10, 16, 20, 32]) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 151 + length * 37 + 200) & 0xff);
    let value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    let text = '';
    for (let i = 0; i < Math.ceil((length * 8) / 5); i++, value >>= 5n) text = (alphabet[Number(value & 31n)] ?? '') + text;
    assert.equal(base32(bytes), text);
  }
});

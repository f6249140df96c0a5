import assert from 'node:assert/strict';
import { test } from 'node:test';
import { envelopeBody } from '../src/proxy/response.ts';
import { createScrubber } from '../src/proxy/scrub.ts';

const secret = 'ghp_s3cr3t/"t?>~?>~n"';
const scrub = createScrubber([secret, `user:${secret}`]);
const forms = [
  secret,
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(`user:${secret}`).toString('base64'),
];

test('given an answer that echoes the secret, no form of it is left in text or headers', () => {
  for (const form of forms) {
    assert.equal(scrub.text(`a ${form} b`), 'a [redacted] b');
    assert.deepEqual(scrub.headers({ 'x-echo': `Bearer ${form}` }), { 'x-echo': 'Bearer [redacted]' });
  }
});

test('given the secret inside a longer text that was encoded, at most the letters that it shares with its neighbours are left', () => {
  for (const before of ['x', 'xy', 'xyz', 'Bearer ', 'Authorization: token ']) {
    for (const alphabet of ['base64', 'base64url'] as const) {
      const left = scrub.text(Buffer.from(`${before}${secret} and more`).toString(alphabet));
      assert.match(left, /\[redacted\]/, before);
      const around = left.split('[redacted]').map((part) => Buffer.from(part, alphabet).toString('latin1'));
      assert.ok(!around.some((part) => part.includes('s3cr3t')), left);
    }
  }
});

test('given JSON that writes the secret with escapes, it is found all the same', () => {
  const escaped = `{"k":"${[...secret].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}","n":1}`;
  const body = envelopeBody(Buffer.from(escaped), 'application/json', scrub, false);
  assert.deepEqual(JSON.parse(body.text), { k: '[redacted]', n: 1 });
  const key = envelopeBody(Buffer.from(JSON.stringify({ [secret]: [secret] })), 'application/json', scrub, false);
  assert.deepEqual(JSON.parse(key.text), { '[redacted]': ['[redacted]'] });
});

test('given JSON without the secret, it stays byte for byte as it was', () => {
  const text = '{ "a" : "b\\n", "big": 12345678901234567890 }';
  assert.equal(envelopeBody(Buffer.from(text), 'application/json', scrub, false).text, text);
});

test('given bytes with the secret, they come out without it', () => {
  assert.equal(scrub.bytes(Buffer.from(`\x00${secret}\xff`, 'latin1')).toString('latin1'), '\x00[redacted]\xff');
});

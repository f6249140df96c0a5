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
  encodeURIComponent(secret),
  encodeURIComponent(secret).replaceAll(/%../g, (escape) => escape.toLowerCase()),
  JSON.stringify(secret).slice(1, -1),
  secret.replaceAll('"', '&quot;').replaceAll('>', '&gt;'),
];
const escaped = [...secret].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');

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

test('given JSON that writes the secret with escapes, it is found all the same, and the rest stays as it was', () => {
  const [open, close] = ['['.repeat(100_000), ']'.repeat(100_000)];
  for (const [body, shown] of [
    [`{"k":"${escaped}", "n":12345678901234567890}`, '{"k":"[redacted]", "n":12345678901234567890}'],
    [`{"${escaped}":"\\n"}`, '{"[redacted]":"\\n"}'],
    [`{"k":"${escaped}","k":1}`, '{"k":"[redacted]","k":1}'],
    [JSON.stringify({ [secret]: [secret, JSON.stringify({ k: secret })] }), '{"[redacted]":["[redacted]","{\\"k\\":\\"[redacted]\\"}"]}'],
    [`${open}"${escaped}"${close}`, `${open}"[redacted]"${close}`],
    [`${open}"\\n"${close}`, `${open}"\\n"${close}`],
  ] as const)
    assert.equal(envelopeBody(Buffer.from(body), 'application/json', scrub, false).text, shown);
});

test('given JSON with a secret that is a number, nothing of it is shown', () => {
  const body = envelopeBody(Buffer.from('{"a":[1,1234567890]}'), 'application/json', createScrubber(['1234567890']), false);
  assert.equal(body.text, '"[redacted]"');
});

test('given JSON without the secret, it stays byte for byte as it was', () => {
  const text = '{ "a" : "b\\n", "big": 12345678901234567890 }';
  assert.equal(envelopeBody(Buffer.from(text), 'application/json', scrub, false).text, text);
});

test('given bytes with the secret, they come out without it', () => {
  assert.equal(scrub.bytes(Buffer.from(`\x00${secret}\xff`, 'latin1')).toString('latin1'), '\x00[redacted]\xff');
});

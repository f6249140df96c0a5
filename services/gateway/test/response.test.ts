import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { decodeBody, envelope, envelopeBody, MAX_RESPONSE_BYTES } from '../src/proxy/response.ts';
import { createScrubber } from '../src/proxy/scrub.ts';

const none = createScrubber([]);
const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const kind = (text: string, type?: string): [string, unknown] => {
  const body = envelopeBody(bytes(text), type, none, false);
  return [body.kind, JSON.parse(body.text)];
};

test('given a body, its kind follows its type', () => {
  assert.deepEqual(kind('{"a":1}', 'application/json; charset=utf-8'), ['json', { a: 1 }]);
  assert.deepEqual(kind('{"a":1}', 'application/vnd.github+json'), ['json', { a: 1 }]);
  assert.deepEqual(kind('{"a":', 'application/json'), ['text', '{"a":']);
  assert.deepEqual(kind('<a/>', 'application/xml'), ['text', '<a/>']);
  assert.deepEqual(kind('<a/>', 'application/atom+xml'), ['text', '<a/>']);
  assert.deepEqual(kind('a=b', 'application/x-www-form-urlencoded'), ['text', 'a=b']);
  assert.deepEqual(kind('x()', 'application/javascript'), ['text', 'x()']);
  assert.deepEqual(kind('hi', 'text/plain'), ['text', 'hi']);
  assert.deepEqual(kind('', 'application/json'), ['empty', null]);
  assert.deepEqual(kind('PNG', 'image/png'), ['binary', { base64: 'UE5H', content_type: 'image/png' }]);
  assert.deepEqual(kind('?'), ['binary', { base64: 'Pw==', content_type: 'application/octet-stream' }]);
});

test('given a charset, the text is decoded by it, and an unknown one as UTF-8', () => {
  const latin = envelopeBody(Buffer.from([0x63, 0x61, 0x66, 0xe9]), 'text/plain; charset=iso-8859-1', none, false);
  assert.equal(JSON.parse(latin.text), 'café');
  assert.equal(JSON.parse(envelopeBody(bytes('café'), 'text/plain; charset=klingon', none, false).text), 'café');
});

test("given JSON with a number that a double cannot hold, the envelope carries the upstream's own digits", () => {
  assert.equal(envelopeBody(bytes('{"id":9007199254740993}'), 'application/json', none, false).text, '{"id":9007199254740993}');
});

test('given more encodings on top of each other than anybody needs, none is undone', () => {
  const layers = (count: number) => {
    let body = bytes('hello');
    for (let n = 0; n < count; n++) body = gzipSync(body);
    return decodeBody(body, Array(count).fill('gzip').join(', '));
  };
  assert.equal(layers(2).ok, true);
  assert.deepEqual(layers(3), { ok: false, problem: 'broken' });
});

test('given an encoding, the body arrives decoded', () => {
  for (const [name, encoded] of [
    ['gzip', gzipSync('hello')],
    ['x-gzip', gzipSync('hello')],
    ['deflate', deflateSync('hello')],
    ['deflate', deflateRawSync('hello')],
    ['br', brotliCompressSync('hello')],
    ['gzip, br', brotliCompressSync(gzipSync('hello'))],
    ['identity', bytes('hello')],
  ] as const) {
    const decoded = decodeBody(encoded, name);
    assert.ok(decoded.ok && decoded.bytes.toString() === 'hello', name);
  }
  assert.deepEqual(decodeBody(bytes('not gzip'), 'gzip'), { ok: false, problem: 'broken' });
  const unknown = decodeBody(bytes('x'), 'exotic');
  assert.ok(unknown.ok && unknown.opaque);
});

test('given 10 MB and one byte, also after gzip, the response is too large', () => {
  const over = Buffer.alloc(MAX_RESPONSE_BYTES + 1, 0x61);
  assert.deepEqual(decodeBody(over, undefined), { ok: false, problem: 'too_large' });
  assert.deepEqual(decodeBody(gzipSync(over), 'gzip'), { ok: false, problem: 'too_large' });
  assert.ok(decodeBody(gzipSync(over.subarray(1)), 'gzip').ok);
});

test('given the parts of an answer, the envelope is JSON with all of them', () => {
  const text = envelope({
    status: 404,
    headers: { etag: 'W/"a"' },
    body: { kind: 'json', text: '{"message":"no"}' },
    entry_id: null,
    attempt_entry_id: 'aud_1',
    duration_ms: 3,
  });
  assert.deepEqual(JSON.parse(text), {
    status: 404,
    headers: { etag: 'W/"a"' },
    body: { message: 'no' },
    body_kind: 'json',
    entry_id: null,
    attempt_entry_id: 'aud_1',
    duration_ms: 3,
  });
});

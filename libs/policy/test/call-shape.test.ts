import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CallBody, callShape, changedParts, digestOf, queryPairs } from '../src/call-shape.ts';
import { canonicalText, type Json } from '../src/json.ts';
import { normaliseUrl, type NormalUrl, type QueryPair } from '../src/url.ts';

function url(text: string): NormalUrl {
  const result = normaliseUrl(text);
  assert.ok(result.ok);
  return result.value;
}

function shape(target: string, body: CallBody, query: readonly QueryPair[] = [], method = 'POST'): ReturnType<typeof callShape> {
  return callShape({ service: 'github', method, url: url(target), query, body });
}

const ABSENT: CallBody = { kind: 'absent' };

test('the two published call digests hold', () => {
  const patch = shape(
    'https://API.github.com:443/repos/acme/x/../sandbox/issues/7#f',
    { kind: 'json', value: { state_reason: 'completed', state: 'closed' } },
    [],
    'patch',
  );
  assert.equal(patch.call_digest, '90bfee5f5060bc072a3b7c18cf8a987f65339911b4ae879f77daf3e2af5d00e6');
  const get = shape('https://api.github.com/repos/acme/sandbox/issues', ABSENT, [['state', 'open']], 'GET');
  assert.equal(get.call_digest, 'cac721e90b267373c3b62677e78adc36f776eda2bc2d4d205d4b1bed83129ba2');
  assert.equal(shape('https://api.github.com/repos/acme/sandbox/issues?state=open', ABSENT, [], 'GET').call_digest, get.call_digest);
});

test('the query is sorted by name in code-point order, and stays in order within a name', () => {
  const { shape: made } = shape('https://h.example/?b=2&a=1&b=1', ABSENT, [
    ['\u{1f600}', 'astral'],
    ['\uff5e', 'wide'],
    ['b', '0'],
  ]);
  assert.deepEqual(made.query, [
    ['a', '1'],
    ['b', '2'],
    ['b', '1'],
    ['b', '0'],
    ['\uff5e', 'wide'],
    ['\u{1f600}', 'astral'],
  ]);
});

test('each form of body has its own place in the shape', () => {
  const forms: [CallBody, unknown][] = [
    [ABSENT, null],
    [{ kind: 'json', value: [1, true] }, [1, true]],
    [{ kind: 'form', value: { a: 'b' } }, { a: 'b' }],
    [{ kind: 'text', text: 'hello' }, 'hello'],
    [
      { kind: 'binary', base64: 'AAEC', content_type: 'image/png' },
      { base64: 'AAEC', content_type: 'image/png' },
    ],
  ];
  for (const [body, expected] of forms) assert.deepEqual(shape('https://h.example/', body).shape.body, expected);
});

test('a change of one part is named, and reordering keys or names is none', () => {
  const body: CallBody = { kind: 'json', value: { a: 1, b: 2 } };
  const base = shape('https://h.example/p', body, [
    ['x', '1'],
    ['y', '2'],
  ]).shape;
  const other = (over: Partial<typeof base>): string[] => changedParts(base, { ...base, ...over });
  assert.deepEqual(other({ body: { b: 2, a: 1 } }), []);
  assert.deepEqual(other({ service: 'slack' }), ['service']);
  assert.deepEqual(other({ method: 'PUT' }), ['method']);
  assert.deepEqual(other({ url: 'https://h.example/q' }), ['url']);
  assert.deepEqual(other({ query: [['x', '1']], body: null }), ['query', 'body']);
  assert.deepEqual(
    shape('https://h.example/p', body, [
      ['y', '2'],
      ['x', '1'],
    ]).shape,
    base,
  );
});

test('a query map takes strings, numbers, booleans and lists of strings, and nothing else', () => {
  assert.deepEqual(queryPairs({ a: 'x', n: 1.5, t: true, l: ['p', 'q'], e: [] }), [
    ['a', 'x'],
    ['n', '1.5'],
    ['t', 'true'],
    ['l', 'p'],
    ['l', 'q'],
  ]);
  assert.equal(queryPairs({ a: null }), null);
  assert.equal(queryPairs({ a: [1] }), null);
  assert.equal(queryPairs({ a: { b: 'c' } }), null);
});

test('the digest is that of the RFC 8785 form, whatever stands in the shape', () => {
  const any = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(any, any, fc.array(fc.tuple(any, any), { maxLength: 3 }), any, fc.jsonValue(), (service, method, query, address, body) => {
      const made = { service, method, url: address, query, body: body as Json };
      assert.equal(digestOf(made), createHash('sha256').update(canonicalText(made)).digest('hex'));
    }),
  );
  assert.throws(() => digestOf({ service: 'github', method: 'GET', url: 'https://h.example/\ud800', query: [], body: null }), TypeError);
});

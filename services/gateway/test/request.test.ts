import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProxyRequest } from '../src/proxy/request.ts';

const outside = { approval_id: undefined, operation_id: undefined };
const base = { service: 'github', method: 'POST', url: 'https://api.github.com/x' } as const;

function fieldsOf(result: ReturnType<typeof readProxyRequest>): unknown {
  return result.ok ? null : result.denial.metadata?.['fields'];
}

function read(body: Parameters<typeof readProxyRequest>[0]): Extract<ReturnType<typeof readProxyRequest>, { ok: true }>['value'] {
  const result = readProxyRequest(body, outside);
  assert.ok(result.ok);
  return result.value;
}

test('given a body, it is sent as what it is', () => {
  assert.deepEqual(
    [read({ ...base, body: { a: [1] } }).payload, read({ ...base, body: { a: [1] } }).content_type],
    ['{"a":[1]}', 'application/json'],
  );
  assert.deepEqual([read({ ...base, body: 'hi' }).payload, read({ ...base, body: 'hi' }).content_type], ['hi', 'text/plain']);
  assert.equal(read({ ...base, body: false }).payload, 'false');
  assert.equal(read(base).payload, null);
  const form = read({
    ...base,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: { a: { b: [1, 'x y'] }, 'c&': null },
  });
  assert.equal(form.payload, 'a%5Bb%5D%5B0%5D=1&a%5Bb%5D%5B1%5D=x+y&c%26=');
  assert.equal(form.body.kind, 'form');
  const binary = read({ ...base, body_base64: 'AAEC', content_type: 'image/png' });
  assert.deepEqual([binary.payload, binary.content_type], [Buffer.from([0, 1, 2]), 'image/png']);
});

test('given a body where none may be, or half a binary one, the field is named', () => {
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, method: 'GET', body: {} }, outside)), [{ path: 'body', rule: 'not_allowed' }]);
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, method: 'DELETE', body: 'x' }, outside)), [{ path: 'body', rule: 'not_allowed' }]);
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, body_base64: 'AAEC' }, outside)), [{ path: 'content_type', rule: 'required' }]);
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, content_type: 'image/png' }, outside)), [
    { path: 'body_base64', rule: 'required' },
  ]);
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, body: 1, body_base64: 'AAEC', content_type: 'a/b' }, outside)), [
    { path: 'body', rule: 'not_allowed' },
  ]);
  assert.deepEqual(fieldsOf(readProxyRequest({ ...base, body_base64: 'A', content_type: 'a/b' }, outside)), [
    { path: 'body_base64', rule: 'base64' },
  ]);
});

test('given header and alias of an operation id, they must agree', () => {
  const id = 'q2Vn0Jt5b8sXw1Zr7KdLmA3y';
  const both = readProxyRequest({ ...base, authority_request_id: id }, { ...outside, operation_id: id });
  assert.ok(both.ok && both.value.operation_id === id);
  assert.equal(readProxyRequest({ ...base, authority_request_id: id }, { ...outside, operation_id: `${id}x` }).ok, false);
  assert.equal(readProxyRequest(base, { ...outside, operation_id: 'short' }).ok, false);
  assert.equal(readProxyRequest({ ...base, approval_id: 'int_a' }, { ...outside, approval_id: 'int_b' }).ok, false);
});

test('given query values of the allowed kinds, they become pairs in order', () => {
  assert.deepEqual(read({ ...base, query: { a: 1, b: true, c: ['x', 'y'], d: 'z', e: null } }).query, [
    ['a', '1'],
    ['b', 'true'],
    ['c', 'x'],
    ['c', 'y'],
    ['d', 'z'],
  ]);
});

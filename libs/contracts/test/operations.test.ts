import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, errorBody, invalid, REASONS, statusOf } from '../src/errors.ts';
import { SERVICES } from '../src/operation.ts';
import { operations } from '../src/operations.ts';

test('every operation names only errors of the catalogue, each once', () => {
  for (const { name, errors } of operations()) {
    for (const code of errors) assert.ok(code in ERRORS, `${name}: ${code}`);
    assert.equal(new Set(errors).size, errors.length, `${name} names an error twice`);
  }
});

test('every operation has an owner, a caller, and no route of another', () => {
  const routes = operations().flatMap(({ http }) =>
    http ? [http.path, ...(http.aliases ?? [])].map((path) => `${http.method} ${path.replace(/:\w+/g, ':')}`) : [],
  );
  assert.equal(new Set(routes).size, routes.length);
  for (const operation of operations()) {
    assert.ok(SERVICES.includes(operation.owner), operation.name);
    assert.ok(operation.who.length > 0 || (operation.asked_by ?? []).length > 0, `${operation.name} has no caller`);
    // An operation with letters and no route is a page's: the gateway asks it with the visitor's session.
    const forPages = operation.who.length > 0 && operation.http === undefined;
    if (forPages) assert.deepEqual(operation.asked_by, ['gateway'], `${operation.name}: letters need HTTP or a page`);
    else assert.equal(operation.http === undefined, operation.who.length === 0, `${operation.name}: HTTP and letters go together`);
  }
});

test('every parameter of a path is declared, and nothing else is', () => {
  for (const { name, http, params } of operations()) {
    const inPath = [...(http?.path ?? '').matchAll(/:(\w+)/g)].map(([, parameter]) => parameter);
    const declared = params && 'properties' in params ? Object.keys(Object(params.properties)) : [];
    assert.deepEqual(declared.sort(), inPath.sort(), name);
  }
});

test('single use is for writes, and every authenticated write but the simulations of one', () => {
  for (const { name, http, single_use, who } of operations()) {
    if (!http) continue;
    if (http.method === 'GET' || who.includes('-')) assert.notEqual(single_use, true, name);
    // The proxy judges by the method of the call inside.
    else if (http.path !== '/v1/proxy') assert.equal(single_use, true, name);
  }
});

test('reasons belong to codes of the catalogue', () => {
  for (const code of Object.keys(REASONS)) assert.ok(code in ERRORS, code);
});

test('an error body carries its metadata twice, always with the request id', () => {
  const body = errorBody(invalid([{ path: 'name', rule: 'pattern' }]), 'req_1');
  assert.deepEqual(body.error.details, body.error.metadata);
  assert.deepEqual(body.error.metadata, { fields: [{ path: 'name', rule: 'pattern' }], request_id: 'req_1' });
  assert.equal(statusOf({ code: 'MISSION_ENDED', message: '', status: 404 }), 404);
});

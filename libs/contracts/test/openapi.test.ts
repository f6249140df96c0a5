import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../src/errors.ts';
import { openApiDocument } from '../src/openapi.ts';
import type { Json } from '../src/openapi-parts.ts';
import { operations } from '../src/operations.ts';

const options = { version: '1.0.0', servers: ['http://127.0.0.1:8787'] };
const document = openApiDocument(operations(), options);

function at(value: Json | undefined, ...path: string[]): Json {
  let current: Json | undefined = value;
  for (const name of path) {
    assert.ok(typeof current === 'object' && current !== null && !Array.isArray(current), `no ${name}`);
    current = current[name];
  }
  assert.notEqual(current, undefined, path.join('.'));
  return current ?? null;
}

function members(value: Json): [string, Json][] {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
  return Object.entries(value);
}

function* everything(value: Json): Generator<{ [member: string]: Json }> {
  if (Array.isArray(value)) for (const item of value) yield* everything(item);
  else if (typeof value === 'object' && value !== null) {
    yield value;
    for (const item of Object.values(value)) yield* everything(item);
  }
}

const described = members(at(document, 'paths')).flatMap(([path, item]) =>
  members(item).map(([method, operation]) => ({ path, method, operation })),
);

test('every operation with HTTP is described under each of its paths, no other is', () => {
  const expected = operations().flatMap(({ http }) =>
    http ? [http.path, ...(http.aliases ?? [])].map((path) => `${http.method} ${path}`) : [],
  );
  const found = described.map(({ path, method }) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`);
  assert.deepEqual(found.sort(), expected.sort());
});

test('operation ids are unique, and every reference leads somewhere', () => {
  const ids = described.map(({ operation }) => at(operation, 'operationId'));
  assert.equal(new Set(ids).size, ids.length);
  for (const { $ref } of everything(document)) {
    if (typeof $ref !== 'string') continue;
    assert.match($ref, /^#\/components\/(schemas|parameters|headers)\//);
    at(document, ...$ref.slice(2).split('/'));
  }
});

test('every parameter of a path template is described, once and as required', () => {
  for (const { path, operation } of described) {
    const parameters = at(operation, 'parameters');
    assert.ok(Array.isArray(parameters));
    const inPath = parameters.filter((parameter) => members(parameter).some(([name, value]) => name === 'in' && value === 'path'));
    assert.deepEqual(
      inPath.map((parameter) => at(parameter, 'name')).sort(),
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').sort(),
      path,
    );
    for (const parameter of inPath) assert.equal(at(parameter, 'required'), true);
  }
});

test('every answer has a description, a request id and a trace; every error is the envelope', () => {
  for (const { path, operation } of described) {
    for (const [status, response] of members(at(operation, 'responses'))) {
      assert.match(status, /^[2-5]\d\d$/);
      assert.notEqual(at(response, 'description'), '');
      at(response, 'headers', 'X-Request-Id');
      at(response, 'headers', 'traceresponse');
      if (Number(status) < 400 || path === '/readyz') continue;
      if (/^\/(v1\/)?oauth\//.test(path)) continue;
      const [envelope, narrowed] = Object.values(at(response, 'content', 'application/json', 'schema', 'allOf') ?? []);
      assert.deepEqual(envelope, { $ref: '#/components/schemas/Error' });
      const codes = at(narrowed, 'properties', 'error', 'properties', 'code', 'enum');
      assert.ok(Array.isArray(codes) && codes.length > 0);
      for (const [code, usual] of Object.entries(ERRORS)) {
        if (codes.includes(code) && code !== 'MISSION_ENDED') assert.equal(usual, Number(status), code);
      }
      assert.ok(codes.every((code: unknown) => typeof code === 'string' && code in ERRORS));
    }
  }
});

test('refusals of the OAuth endpoints are described in their own form, and forms as forms', () => {
  const token = at(document, 'paths', '/oauth/token', 'post');
  at(token, 'requestBody', 'content', 'application/x-www-form-urlencoded', 'schema', 'properties', 'grant_type');
  const refusal = at(token, 'responses', '400', 'content', 'application/json', 'schema');
  assert.deepEqual(refusal, { $ref: '#/components/schemas/OAuthError' });
  at(document, 'paths', '/oauth/authorize', 'get', 'responses', '400', 'content', 'text/html');
});

test('who may call is said, and how: nobody needs a bearer for public operations', () => {
  for (const { operation } of described) {
    const who = at(operation, 'x-sallyport-who');
    const security = at(operation, 'security');
    assert.ok(Array.isArray(who) && Array.isArray(security));
    assert.equal(security.length === 0, who.includes('-'));
    for (const requirement of security) for (const [scheme] of members(requirement)) at(document, 'components', 'securitySchemes', scheme);
  }
});

test('the frame is that of OpenAPI 3.1, and the bytes are the same each time', () => {
  assert.equal(at(document, 'openapi'), '3.1.0');
  at(document, 'info', 'title');
  at(document, 'info', 'version');
  assert.equal(JSON.stringify(openApiDocument(operations().reverse(), options)), JSON.stringify(document));
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
});

test('shared objects are named once', () => {
  const agent = at(document, 'paths', '/v1/agents/{id}', 'get', 'responses', '200', 'content', 'application/json', 'schema');
  assert.deepEqual(agent, { $ref: '#/components/schemas/Agent' });
  assert.equal(at(document, 'components', 'schemas', 'Agent', 'type'), 'object');
});

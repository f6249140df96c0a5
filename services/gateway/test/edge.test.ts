import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import { makeApiKey } from '@sallyport/contracts/api-key.ts';
import { ERRORS } from '@sallyport/contracts/errors.ts';
import { operations } from '@sallyport/contracts/operations.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { createMetrics } from '@sallyport/service-kit/metrics.ts';
import type { FastifyInstance } from 'fastify';
import { createOwnWrites } from '../src/edge/own-writes.ts';
import { addEdgeRoutes, edgeOperations } from '../src/edge/routes.ts';
import { createKnownPaths } from '../src/http/not-found.ts';
import { addProxyRoute } from '../src/http/proxy-route.ts';
import { createLimits } from '../src/http/rate-limits.ts';
import { createServer } from '../src/http/server.ts';
import { createSignals } from '../src/signals.ts';

/** A gateway between two boots: everything before the bus works, nothing behind it does. */
let app: FastifyInstance;
before(async () => {
  const paths = createKnownPaths();
  app = createServer(createSignals(createLog('test', { level: 'silent' }), createMetrics('test')), paths, createLimits({ off: true }));
  const current = (): never => {
    throw new LedgerUnavailable('between two boots');
  };
  addEdgeRoutes(
    app,
    { limits: createLimits({ off: true }), current, public_url: 'http://127.0.0.1:8787', own_writes: createOwnWrites() },
    paths,
  );
  addProxyRoute(app, current, paths);
});
after(() => app.close());

const authorization = `Bearer ${makeApiKey('operator', new Uint8Array(32).fill(1))}`;
const json = { authorization, 'content-type': 'application/json' };
const urlOf = (path: string): string => path.replaceAll(/:[a-z_]+/g, 'x');

interface Answer {
  status: number;
  code: string;
  metadata: Record<string, unknown>;
}

async function call(method: string, url: string, headers: Record<string, string> = {}, payload?: string | Buffer): Promise<Answer> {
  const answer = await app.inject({ method: method as 'GET', url, headers, ...(payload !== undefined && { payload }) });
  const { error } = answer.json<{
    error: { code: keyof typeof ERRORS; message: string; details: object; metadata: Record<string, unknown> };
  }>();
  assert.deepEqual(error.details, error.metadata);
  assert.match(String(error.metadata['request_id']), /^req_/);
  assert.equal(answer.headers['x-request-id'], error.metadata['request_id']);
  assert.match(String(answer.headers['traceresponse']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.doesNotMatch(answer.body, /\bat .*\.ts:\d/);
  assert.ok(answer.statusCode < 500 || answer.statusCode === 503, answer.body);
  assert.equal(answer.statusCode, ERRORS[error.code]);
  return { status: answer.statusCode, code: error.code, metadata: error.metadata };
}

test('given any operation, its route exists and answers in the envelope', async () => {
  assert.ok(edgeOperations().length > 30);
  for (const operation of edgeOperations()) {
    const { http } = operation;
    assert.ok(http);
    if (http.errors) continue;
    for (const path of [http.path, ...(http.aliases ?? [])]) {
      const anonymous = await call(http.method, urlOf(path));
      if (!operation.who.includes('-')) assert.deepEqual([anonymous.code, anonymous.metadata['reason']], ['UNAUTHORIZED', 'missing'], path);
    }
  }
});

test('given a body that is no JSON, has a key twice, is too deep, compressed or of another type, each operation refuses it', async () => {
  for (const { http, body } of operations()) {
    if (!http || !body || http.errors) continue;
    const url = urlOf(http.path);
    assert.equal((await call(http.method, url, json, '{"a":')).code, 'INVALID_REQUEST', url);
    assert.deepEqual((await call(http.method, url, json, '{"a":1,"a":2}')).metadata['fields'], [{ path: 'a', rule: 'duplicate_key' }], url);
    assert.equal((await call(http.method, url, json, '['.repeat(33) + ']'.repeat(33))).code, 'PAYLOAD_TOO_LARGE', url);
    if (http.path !== '/v1/proxy') {
      // A number that no double holds is no way round either rule.
      const hidden = await call(http.method, url, json, '{"n":1e400,"a":1,"a":2}');
      assert.deepEqual(hidden.metadata['fields'], [{ path: 'a', rule: 'duplicate_key' }], url);
      const deep = `{"n":9007199254740993,"a":${'['.repeat(40_000)}${']'.repeat(40_000)}}`;
      assert.equal((await call(http.method, url, json, deep)).code, 'PAYLOAD_TOO_LARGE', url);
    }
    assert.equal((await call(http.method, url, { authorization, 'content-type': 'text/plain' }, 'hi')).code, 'UNSUPPORTED_MEDIA_TYPE', url);
    assert.equal((await call(http.method, url, { ...json, 'content-encoding': 'gzip' }, '{}')).code, 'UNSUPPORTED_MEDIA_TYPE', url);
    for (const wrong of ['[]', '"text"', '1'])
      assert.equal((await call(http.method, url, json, wrong)).code, 'INVALID_REQUEST', `${url} ${wrong}`);
    const over = Buffer.alloc((http.body_limit ?? 1024 * 1024) + 1, 0x20);
    assert.equal((await call(http.method, url, json, over)).code, 'PAYLOAD_TOO_LARGE', url);
  }
});

test('given a grant with a restriction that is none, it is refused and named; elsewhere what is unknown is left alone', async () => {
  const grant = { agent_id: 'x', service_connection_id: 'x', scopes: ['repo'], constraints: [] };
  const granted = await call('POST', '/v1/services/grant', json, JSON.stringify(grant));
  assert.deepEqual(granted.metadata['fields'], [{ path: 'constraints', rule: 'unknown_field' }]);
  const put = await call('PUT', '/v1/agents/x/grants/x', json, '{"constraint":[]}');
  assert.equal(put.code, 'INVALID_REQUEST');
  assert.equal((await call('POST', '/v1/agents/register', json, '{"name":"bot","nmae":"x"}')).code, 'AUDIT_UNAVAILABLE');
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };

test('given OAuth endpoints, what is refused is refused in their own form, and only forms are read where forms are wanted', async () => {
  const post = async (url: string, headers: Record<string, string>, payload: string): Promise<[number, unknown]> => {
    const answer = await app.inject({ method: 'POST', url, headers, payload });
    assert.deepEqual(Object.keys(answer.json()), ['error', 'error_description'], answer.body);
    return [answer.statusCode, answer.json<{ error: string }>().error];
  };
  assert.deepEqual(await post('/oauth/token', form, 'grant_type=a&grant_type=b'), [400, 'invalid_request']);
  assert.deepEqual(await post('/oauth/token', form, 'client_id=%ff%fe'), [400, 'invalid_request']);
  assert.deepEqual(await post('/oauth/token', form, 'grant_type='), [400, 'invalid_request']);
  assert.deepEqual(await post('/oauth/token', json, '{"grant_type":"refresh_token"}'), [415, 'invalid_request']);
  assert.deepEqual(await post('/oauth/register', form, 'client_name=x'), [415, 'invalid_request']);
  assert.deepEqual(await post('/oauth/register', json, '{"client_name":"x"}'), [400, 'invalid_redirect_uri']);
  assert.deepEqual(await post('/oauth/register', json, '{"redirect_uris":["https://x.example/"]}'), [400, 'invalid_client_metadata']);
  assert.deepEqual(await post('/oauth/token', form, 'grant_type=refresh_token'), [503, 'temporarily_unavailable']);
  assert.equal((await call('POST', '/v1/agents/register', { ...form, authorization }, 'name=x')).code, 'UNSUPPORTED_MEDIA_TYPE');
});

test('given a page that cannot be shown, the browser gets one that says so, with nothing of the request in it', async () => {
  const answer = await app.inject({ method: 'GET', url: '/oauth/authorize?client_id=a&client_id=%3Cscript%3E' });
  assert.equal(answer.statusCode, 400);
  assert.match(String(answer.headers['content-type']), /^text\/html/);
  assert.doesNotMatch(answer.body, /<script>/);
  assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'; .*frame-ancestors 'none'/);
});

function sessionJwt(claims: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'EdDSA', typ: 'session+jwt' })}.${part({ aud: 'stack:session', ...claims })}.${'A'.repeat(86)}`;
}

test('given a session by cookie, what changes something must come from our own origin', async () => {
  const cookie = `__Host-sallyport_session=${sessionJwt()}`;
  const of = async (method: string, headers: Record<string, string>): Promise<unknown[]> => {
    const path = method === 'GET' ? '/v1/operator' : '/v1/auth/logout';
    const { code, metadata } = await call(method, path, headers);
    return [code, metadata['reason']];
  };
  const passed = ['AUDIT_UNAVAILABLE', undefined];
  assert.deepEqual(await of('GET', { cookie }), passed);
  assert.deepEqual(await of('POST', { cookie, origin: 'http://127.0.0.1:8787' }), passed);
  const others = [
    'http://127.0.0.1:8788',
    'http://localhost:8787',
    'https://127.0.0.1:8787',
    'null',
    'http://127.0.0.1:8787.evil.example',
    '',
  ];
  for (const origin of others) assert.deepEqual(await of('POST', { cookie, origin }), ['FORBIDDEN', 'csrf'], origin);
  assert.deepEqual(await of('POST', { cookie }), ['FORBIDDEN', 'csrf']);
  // What a page of another site can send along counts for nothing without the cookie.
  assert.deepEqual(await of('POST', { cookie: `sallyport_session=${sessionJwt()}`, origin: 'http://127.0.0.1:8787' }), [
    'UNAUTHORIZED',
    'missing',
  ]);
  assert.deepEqual(await of('GET', { cookie: `${cookie}; __Host-sallyport_session=${sessionJwt({ sub: 'x' })}` }), [
    'UNAUTHORIZED',
    'missing',
  ]);
  // Only a session comes as a cookie.
  assert.deepEqual(await of('GET', { cookie: `__Host-sallyport_session=${authorization.slice(7)}` }), [
    'UNAUTHORIZED',
    'wrong_credential_kind',
  ]);
  assert.deepEqual(await of('POST', { cookie, authorization, origin: 'https://evil.example' }), passed);
});

test('given a sign-in from another site, it is refused before anything is asked', async () => {
  const body = JSON.stringify({ token: 'x' });
  const foreign = await call('POST', '/v1/auth/magic-link/verify', { ...json, origin: 'https://evil.example' }, body);
  assert.deepEqual([foreign.code, foreign.metadata['reason']], ['FORBIDDEN', 'csrf']);
  assert.equal((await call('POST', '/v1/auth/magic-link/verify', json, body)).code, 'AUDIT_UNAVAILABLE');
});

test('given an address that signs in again and again, it is told to wait, and another is not', async () => {
  // Ten at once, and the next one a minute later.
  const limits = createLimits({ off: false, limits: { sign_in: 1 } });
  const paths = createKnownPaths();
  const limited = createServer(createSignals(createLog('test', { level: 'silent' }), createMetrics('limited')), paths, limits);
  const current = (): never => {
    throw new LedgerUnavailable('between two boots');
  };
  addEdgeRoutes(limited, { limits, current, public_url: 'http://127.0.0.1:8787', own_writes: createOwnWrites() }, paths);
  const from = async (remoteAddress: string, url: string, payload: string, headers: Record<string, string>): Promise<number> =>
    (await limited.inject({ method: 'POST', url, headers, payload, remoteAddress })).statusCode;
  const doors: [string, string, Record<string, string>][] = [
    ['/v1/auth/magic-link', '{"email":"a@example.com"}', json],
    ['/v1/auth/magic-link/verify', '{"token":"x"}', json],
    ['/oauth/token', 'grant_type=refresh_token', { ...form, authorization }],
    ['/v1/oauth/token', 'grant_type=refresh_token', form],
    ['/oauth/device_authorization', 'client_id=x', form],
  ];
  for (let i = 0; i < 10; i++) {
    const [url, payload, headers] = doors[i % doors.length] ?? assert.fail();
    assert.equal(await from('192.0.2.1', url, payload, headers), 503);
  }
  for (const [url, payload, headers] of doors) assert.equal(await from('192.0.2.1', url, payload, headers), 429, url);
  for (const [url, payload, headers] of doors) assert.equal(await from('192.0.2.2', url, payload, headers), 503, url);

  // Who has one IPv6 address has the 2^64 beside it.
  const [url, payload, headers] = doors[0] ?? assert.fail();
  for (let i = 1; i <= 10; i++) assert.equal(await from(`2001:db8:0:1::${i}`, url, payload, headers), 503);
  assert.equal(await from('2001:db8:0:1:f::1', url, payload, headers), 429);
  assert.equal(await from('2001:db8:0:2::1', url, payload, headers), 503);
  await limited.close();
});

test('given a well-formed call between two boots, the answer is 503, never a defect', async () => {
  for (const [method, url] of [
    ['GET', '/v1/agents?limit=5'],
    ['GET', '/v1/operator'],
    ['POST', '/v1/passports/revoke-all'],
  ] as const)
    assert.equal((await call(method, url, json, method === 'POST' ? '' : undefined)).code, 'AUDIT_UNAVAILABLE');
});

test('given a query parameter out of bounds, it is named', async () => {
  assert.deepEqual((await call('GET', '/v1/agents?limit=101', json)).metadata['fields'], [{ path: 'limit', rule: 'maximum' }]);
  assert.deepEqual((await call('GET', '/v1/agents?limit=1&limit=2', json)).code, 'INVALID_REQUEST');
  assert.deepEqual((await call('GET', '/v1/agents', { ...json, 'x-min-event-seq': '-1' })).metadata['fields'], [
    { path: 'X-Min-Event-Seq', rule: 'pattern' },
  ]);
  assert.equal(
    (await call('POST', '/v1/agents/register', { ...json, 'idempotency-key': 'a b' }, '{"name":"agent-one"}')).code,
    'INVALID_REQUEST',
  );
});

test('given a path that exists under other methods, Allow names them; given none, 404', async () => {
  for (const { http } of edgeOperations()) {
    if (!http) continue;
    const answer = await app.inject({ method: 'OPTIONS', url: urlOf(http.path) });
    assert.equal(answer.statusCode, 405, http.path);
    assert.match(String(answer.headers['allow']), new RegExp(http.method));
  }
  assert.equal((await call('GET', '/v1/proxy')).code, 'METHOD_NOT_ALLOWED');
  for (const url of ['/v1/nothing', '/', '/v1/agents/x/y/z', '/v1/%zz', '/%00', `/v1/agents/${'x'.repeat(300)}`]) {
    const { status } = await call('GET', url);
    assert.ok(status === 404 || status === 400, url);
  }
});

test('given a proxied body that JSON cannot carry, its path is named', async () => {
  const proxied = (body: string): Promise<Answer> =>
    call('POST', '/v1/proxy', json, `{"service":"github","method":"POST","url":"https://api.github.com/x","body":${body}}`);
  for (const [body, path, rule] of [
    ['{"n":9007199254740993}', 'body.n', 'lossy_number'],
    ['[1e400]', 'body.0', 'lossy_number'],
    ['{"s":"\\ud800"}', 'body.s', 'lone_surrogate'],
    ['{"k":1,"k":2}', 'body.k', 'duplicate_key'],
  ] as const)
    assert.deepEqual((await proxied(body)).metadata['fields'], [{ path, rule }]);
  for (const fine of ['1.0', '1e2', '{"n":0.1}']) assert.equal((await proxied(fine)).code, 'AUDIT_UNAVAILABLE', fine);
});

test('given a proxied call that breaks its schema, the field is named', async () => {
  const fields = async (body: object): Promise<unknown> => (await call('POST', '/v1/proxy', json, JSON.stringify(body))).metadata['fields'];
  const good = { service: 'github', method: 'GET', url: 'https://api.github.com/user' };
  assert.deepEqual(await fields({ ...good, method: 'HEAD' }), [{ path: 'method', rule: 'enum' }]);
  assert.deepEqual(await fields({ ...good, service: undefined }), [{ path: 'service', rule: 'required' }]);
  assert.deepEqual(await fields({ ...good, authority_request_id: 'short' }), [{ path: 'authority_request_id', rule: 'pattern' }]);
});

/** Every response, early refusals included (api.md §1.4, §1.6, §2). Requests go out as bytes: nothing on the way corrects them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { apiOf, readSince } from '../../support/api.ts';
import { assertConventions } from '../../support/conventions.ts';
import { CALLED, furnish, HTTP, pathOf, platform, unknownIds } from './world.ts';

interface Raw {
  status: number;
  headers: Headers;
  body: unknown;
}

/** Sends these bytes and reads until the server has answered once. */
function send(bytes: string | Buffer): Promise<Raw> {
  const { hostname, port } = new URL(platform.baseUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    const parts: Buffer[] = [];
    const end = (): void => {
      const text = Buffer.concat(parts).toString('latin1');
      const [head = '', ...rest] = text.split('\r\n\r\n');
      const [line = '', ...lines] = head.split('\r\n');
      const headers = new Headers(
        lines.map((one): [string, string] => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 1).trim()]),
      );
      const body = Buffer.from(rest.join('\r\n\r\n'), 'latin1').toString();
      try {
        resolve({ status: Number(line.split(' ')[1]), headers, body: body === '' ? null : JSON.parse(body) });
      } catch (error) {
        reject(new Error(`no answer in the envelope: ${text.slice(0, 300)}`, { cause: error }));
      }
    };
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', end);
    // Who answers before everything has come may close on the rest.
    socket.on('error', (error) => (parts.length > 0 ? end() : reject(error)));
    socket.setTimeout(30_000, () => socket.destroy(new Error('no answer')));
  });
}

const request = (method: string, path: string, headers: string[] = [], body = ''): string =>
  [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', body].join('\r\n');

const EARLY: { what: string; bytes: () => string | Buffer; status: number; path?: string }[] = [
  { what: 'an unknown path', bytes: () => request('GET', '/v1/nowhere'), status: 404 },
  { what: 'an unknown method of a known path', bytes: () => request('PUT', '/v1/agents'), status: 405 },
  { what: 'HEAD of a GET', bytes: () => request('OPTIONS', '/v1/agents'), status: 405 },
  { what: 'TRACE', bytes: () => request('TRACE', '/v1/agents'), status: 405 },
  { what: 'a method of WebDAV', bytes: () => request('PROPFIND', '/v1/agents'), status: 405 },
  { what: 'a URL with a broken escape', bytes: () => request('GET', '/v1/agents/%zz'), status: 400 },
  { what: 'a URL of 9,000 characters', bytes: () => request('GET', `/v1/agents?name=${'x'.repeat(9_000)}`), status: 413 },
  { what: '200 query keys', bytes: () => request('GET', `/v1/agents?${'a=1&'.repeat(200)}`), status: 413 },
  {
    what: '70 headers',
    bytes: () =>
      request(
        'GET',
        '/v1/agents',
        Array.from({ length: 70 }, (_, i) => `X-${i}: 1`),
      ),
    status: 413,
  },
  { what: 'a header of 9 KB', bytes: () => request('GET', '/v1/agents', [`X-Big: ${'x'.repeat(9_000)}`]), status: 413 },
  {
    what: '60 headers of 8 KB each, as many as there may be',
    bytes: () =>
      request(
        'GET',
        '/v1/agents',
        Array.from({ length: 60 }, (_, i) => `X-${i}: ${'x'.repeat(8_192)}`),
      ),
    status: 401,
  },
  { what: 'headers of 700 KB', bytes: () => request('GET', '/v1/agents', [`X-Big: ${'x'.repeat(700_000)}`]), status: 413, path: '' },
  {
    what: 'a compressed body',
    bytes: () => request('POST', '/v1/agents/register', ['Content-Encoding: gzip', 'Content-Length: 1'], 'x'),
    status: 415,
  },
  {
    what: 'a body that is no JSON',
    bytes: () => request('POST', '/v1/agents/register', ['Content-Type: application/json', 'Content-Length: 1'], '{'),
    status: 400,
  },
  {
    what: 'a body of another type',
    bytes: () => request('POST', '/v1/agents/register', ['Content-Type: text/plain', 'Content-Length: 1'], 'x'),
    status: 415,
  },
  {
    what: 'a body that says it is too large',
    bytes: () => request('POST', '/v1/agents/register', ['Content-Type: application/json', 'Content-Length: 2000000'], '{'),
    status: 413,
  },
  { what: 'no Host', bytes: () => 'GET /v1/agents HTTP/1.1\r\nConnection: close\r\n\r\n', status: 400 },
  { what: 'an expectation that nobody knows', bytes: () => request('GET', '/v1/agents', ['Expect: the-unexpected']), status: 401 },
  { what: 'no bearer', bytes: () => request('GET', '/v1/agents'), status: 401 },
  {
    what: 'an upgrade',
    bytes: () => request('POST', '/v1/proxy', ['Upgrade: websocket', 'Content-Length: 0']).replace('close', 'close, Upgrade'),
    status: 400,
  },
  { what: 'no HTTP at all', bytes: () => 'hello\r\n\r\n', status: 400, path: '' },
  { what: 'a TLS greeting', bytes: () => Buffer.from('16030100c4010000c003030101010101010101', 'hex'), status: 400, path: '' },
];

for (const { what, bytes, status, path = '/v1/x' } of EARLY) {
  test(`40. ${what} is answered in the envelope, with request id, trace and limits`, async () => {
    const answer = await send(bytes());
    assertConventions(path, answer);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
  });
}

test('40. every operation answers so, and an incoming trace goes on', async () => {
  const f = await furnish('headers');
  const traced = (n: number): string => n.toString(16).padStart(32, 'a');
  for (const [index, operation] of HTTP.entries()) {
    if (!operation.http.path.startsWith('/v1/')) continue;
    const path = CALLED.includes(operation)
      ? pathOf(operation, ({ kind }) => unknownIds()[kind])
      : operation.http.path.replaceAll(/:[a-z_]+/g, 'x');
    const sent = { traceparent: `00-${traced(index)}-00f067aa0ba902b7-01` };
    // `apiOf` looks at the conventions of each answer.
    const answer = await f.operator.api(operation.http.method, path, operation.http.method === 'GET' ? undefined : {}, sent);
    assert.equal(answer.headers.get('traceresponse')?.split('-')[1], traced(index), operation.name);
    assert.notEqual(answer.headers.get('traceresponse')?.split('-')[2], '00f067aa0ba902b7', operation.name);
  }
  for (const bad of [
    '00-zz-00f067aa0ba902b7-01',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ]) {
    const answer = await f.operator.api('GET', '/v1/agents', undefined, { traceparent: bad });
    assert.ok(!bad.includes(answer.headers.get('traceresponse')?.split('-')[1] ?? ''), bad);
  }
  // The loop has rotated the first operator's key.
  const { api } = await platform.newOperator();
  const made = await api('POST', '/v1/agents/register', { name: 'traced' }, { traceparent: `00-${traced(999)}-00f067aa0ba902b7-01` });
  const { body } = await readSince(api, '/v1/audit?action=agent.register', made);
  assert.equal(body.entries[0].w3c_trace_id, traced(999));
  assert.equal(body.entries[0].trace_id, made.headers.get('x-request-id'));
});

test('40. every operation stands in the description, with its errors', async () => {
  const { body } = await apiOf(platform.baseUrl)('GET', '/openapi.json');
  for (const { http, errors, name } of HTTP) {
    const described = body.paths[http.path.replaceAll(/:([a-z_]+)/g, '{$1}')]?.[http.method.toLowerCase()];
    assert.equal(described?.operationId, name);
    if (errors.length > 0 && http.errors === undefined)
      assert.ok(
        Object.keys(described.responses).some((status) => Number(status) >= 400),
        name,
      );
  }
});

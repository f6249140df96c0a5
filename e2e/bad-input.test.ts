/** Bad input anywhere gets an error of the catalogue, never a 5xx or a stack trace: every operation of `/openapi.json`, generated. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ERRORS } from '@sallyport/contracts/errors.ts';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { openWitness } from './faults/evidence.ts';
import { apiOf } from './support/api.ts';

interface Described {
  method: string;
  path: string;
  hasBody: boolean;
}

let platform: Constellation;
let operations: Described[];

before(async () => {
  platform = await constellation({ env: { SALLYPORT_RATE_LIMITS: 'off' } });
  const { body } = await apiOf(platform.baseUrl)('GET', '/openapi.json');
  assert.match(body.openapi, /^3\.1/);
  operations = Object.entries<Record<string, { requestBody?: unknown }>>(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
      .map(([method, one]) => ({ method: method.toUpperCase(), path, hasBody: one.requestBody !== undefined })),
  );
});
after(() => platform?.stop());

interface Raw {
  status: number;
  text: string;
}

/** As bytes, so that nothing on the way corrects them. */
function raw(method: string, path: string, headers: Record<string, string>, body?: string | Buffer): Promise<Raw> {
  const { hostname, port } = new URL(platform.baseUrl);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, insecureHTTPParser: true, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const LEAK = /\bat .*\.ts:\d+|node_modules|ECONN|postgres|kysely|nats:/i;

function assertRefused({ status, text }: Raw, what: string, allowed: (status: number) => boolean = (one) => one >= 400 && one < 500): void {
  assert.ok(allowed(status), `${what}: ${status} ${text.slice(0, 400)}`);
  if (status < 400) return;
  // The OAuth endpoints have a form of their own, and one of them answers browsers (api.md §2).
  if (/ \/(v1\/)?oauth\//.test(what)) {
    assert.doesNotMatch(text, LEAK, what);
    return;
  }
  const { error } = JSON.parse(text);
  assert.ok(error.code in ERRORS, `${what}: ${text.slice(0, 200)}`);
  assert.deepEqual(error.details, error.metadata);
  assert.match(error.metadata.request_id, /^req_/);
  assert.doesNotMatch(text, LEAK, what);
}

const fill = (path: string, id: string): string => path.replace(/\{[^}]+\}/g, () => id);
const auth = (): Record<string, string> => ({ authorization: `Bearer ${platform.apiKey}`, 'content-type': 'application/json' });

test('there are operations to try', () => assert.ok(operations.length > 40, String(operations.length)));

test('a body that is no JSON, or JSON of another shape, is refused', async () => {
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
  // A number that no double holds may stand in a control call; what is wrong behind it is found all the same.
  const behind = (wrong: string): string => `{"n":1e400,${wrong}}`;
  const deeper = '['.repeat(20_000) + ']'.repeat(20_000);
  const bodies = [
    '{',
    'nul',
    '"text"',
    '[]',
    '7',
    '{"a":1,"a":2}',
    behind('"a":1,"a":2'),
    behind(`"x":${deeper}`),
    `{"x":${deep}}`,
    '\u0000',
    Buffer.from([0xff, 0xfe, 0x7b]),
  ];
  for (const { method, path } of operations.filter(({ hasBody }) => hasBody)) {
    for (const body of bodies)
      assertRefused(await raw(method, fill(path, 'x'), auth(), body), `${method} ${path} ${String(body).slice(0, 20)}`);
  }
});

test('fields of wrong types and sizes are refused or ignored, and never a fault', async () => {
  const values: unknown[] = [
    null,
    true,
    -1,
    1e300,
    '',
    'x'.repeat(70_000),
    '\u0000',
    '💥',
    [],
    [[]],
    {},
    { $sealed: 'x' },
    { __proto__: 1 },
  ];
  const { body } = await apiOf(platform.baseUrl)('GET', '/openapi.json');
  const fieldsOf = (method: string, path: string): string[] => {
    const schema = body.paths[path][method.toLowerCase()].requestBody?.content?.['application/json']?.schema;
    return Object.keys(schema?.properties ?? {});
  };
  for (const { method, path } of operations.filter(({ hasBody, path }) => hasBody && !/freeze|rotate-key|revoke-all/.test(path))) {
    for (const field of fieldsOf(method, path)) {
      for (const value of values) {
        const answer = await raw(method, fill(path, 'x'), auth(), JSON.stringify({ [field]: value }));
        assertRefused(answer, `${method} ${path} ${field}=${JSON.stringify(value)?.slice(0, 40)}`, (status) => status < 500);
      }
    }
  }
});

test('ids and queries of any text are refused as the catalogue says', async () => {
  const ids = [
    'x',
    '%00',
    '%f0%9f%92%a5',
    '..%2f..%2fetc',
    "'%20or%201=1",
    'agt_01kt16jnjge4ma4jz41b93y214',
    '%'.concat('zz'),
    'a'.repeat(3000),
    '*',
    '%3e',
  ];
  for (const { method, path } of operations) {
    if (/freeze|rotate-key|revoke-all|bootstrap/.test(path)) continue;
    if (path.includes('{')) {
      for (const id of ids)
        assertRefused(
          await raw(method, fill(path, id), auth(), method === 'GET' ? undefined : '{}'),
          `${method} ${path} ${id.slice(0, 30)}`,
          (status) => status < 500,
        );
    }
    if (method !== 'GET') continue;
    for (const query of [
      'limit=0',
      'limit=x',
      'limit=1e3',
      'limit=101',
      'page=-1',
      'cursor=%00',
      'since=abc',
      'from=yesterday',
      'from_seq=-1',
      'format=exe',
      'status=%27',
      'limit=1&limit=2',
      'limit[]=1',
      '__proto__=1',
    ])
      assertRefused(await raw('GET', `${fill(path, 'x')}?${query}`, auth()), `GET ${path}?${query}`, (status) => status < 500);
  }
});

test('bearers of any form are refused', async () => {
  const bearers = [
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer sk_live_op_x',
    `Bearer ${platform.apiKey.slice(0, -1)}${platform.apiKey.endsWith('x') ? 'y' : 'x'}`,
    'Bearer eyJ.eyJ.x',
    `Bearer ${'e'.repeat(20_000)}`,
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'Bearer tkt_x',
  ];
  for (const { method, path } of operations.filter(
    ({ path }) => path.startsWith('/v1/') && !/well-known|verify$|bootstrap|oauth|magic-link/.test(path),
  )) {
    for (const bearer of bearers) {
      const headers = { 'content-type': 'application/json', ...(bearer === '' ? {} : { authorization: bearer }) };
      const answer = await raw(method, fill(path, 'x'), headers, method === 'GET' ? undefined : '{}');
      assertRefused(answer, `${method} ${path} with ${bearer.slice(0, 30)}`);
      assert.ok([400, 401, 403, 404, 413, 431].includes(answer.status), `${method} ${path} with ${bearer.slice(0, 30)}: ${answer.status}`);
    }
  }
});

test('an empty body under Content-Type: application/json is no body', async () => {
  const operator = apiOf(platform.baseUrl, platform.apiKey);
  const agent = await operator('POST', '/v1/agents/register', { name: 'empty-bodies' });
  const id = agent.body.id;
  assert.equal((await operator('POST', `/v1/agents/${id}/unblock`)).status, 200);
  assert.equal((await operator('POST', `/v1/agents/${id}/enrollment-challenge`)).status, 201);
  assert.equal((await operator('GET', `/v1/agents/${id}`)).status, 200);
  assert.equal((await operator('DELETE', `/v1/agents/${id}`)).status, 200);
  assert.equal((await operator('GET', `/v1/agents/${id}`)).status, 404);
});

test('unknown paths, methods, types and encodings have their own answers', async () => {
  const unknown = await raw('GET', '/v1/nowhere', auth());
  assert.equal(unknown.status, 404);
  assert.equal((await raw('PUT', '/v1/agents', auth(), '{}')).status, 405);
  assert.equal((await raw('POST', '/v1/agents/register', { ...auth(), 'content-type': 'text/plain' }, 'x')).status, 415);
  assert.equal((await raw('POST', '/v1/agents/register', { ...auth(), 'content-encoding': 'gzip' }, 'x')).status, 415);
  assert.equal((await raw('POST', '/v1/agents/register', auth(), `{"name":"${'x'.repeat(1_100_000)}"}`)).status, 413);
  for (const path of ['/v1/intents/submit', '/v1/scan', '/v1/llm/anything'])
    assert.equal((await raw('GET', path, auth())).status, 404, path);
});

test('given all that, every read model and the audit chain have gone on', async () => {
  const operator = apiOf(platform.baseUrl, platform.apiKey);
  const made = await operator('POST', '/v1/agents/register', { name: 'after-bad-input' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { instances } = JSON.parse(await readFile(join(platform.dataDir, 'platform.json'), 'utf8'));
  const audit = instances.find(({ service }: { service: string }) => service === 'audit');
  await eventually(async () => {
    const { body } = await operator('GET', `/v1/audit?agent_id=${made.body.id}`);
    assert.equal(body.entries.length, 1, await (await fetch(`http://127.0.0.1:${audit.internal_port}/readyz`)).text());
  });
  assert.equal((await operator('GET', '/v1/audit/verify-chain')).body.valid, true);
  const witness = await openWitness(platform);
  try {
    for (const schema of ['passports', 'vault', 'audit', 'detectors'])
      assert.deepEqual(await witness.query(`select name, seq, error from ${schema}.dead_letter`), [], schema);
  } finally {
    await witness.close();
  }
});

/** The walk of ARCHITECTURE.md: its files exist, and one call really goes that way, from the first request to a row that verifies. */
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission } from './support/agent.ts';
import { apiOf } from './support/api.ts';
import { ROOT } from './support/python.ts';
import { type TestOperator, testPlatform } from './support/platform.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

const platform = testPlatform();
let acme: TestOperator;
let upstream: Upstream;

before(async () => {
  [, upstream] = await Promise.all([platform.ready(), startUpstream()]);
  acme = await platform.newOperator();
});
after(async () => {
  await upstream?.stop();
});

test('the walk names nine files or fewer, and each is there', async () => {
  const page = await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const walk = page.slice(page.indexOf('## One call'), page.indexOf('## Why'));
  const files = [...walk.matchAll(/^\d+\. \[`([^`]+)`\]\(([^)]+)\)/gm)].map((match) => match[1] ?? '');
  assert.ok(files.length > 4 && files.length <= 9, String(files.length));
  for (const file of files) await access(join(ROOT, file));
});

test('one call: recorded before it left, sent with the credential, closed, and standing in a chain that verifies', async () => {
  const operator = acme.api;
  await connectGithub(operator, upstream.url);
  const agent = await enrolledAgent(operator);
  const { passport } = await startMission(operator, agent.id);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const answer = await apiOf(platform.baseUrl, agent.jwt())(
    'POST',
    '/v1/proxy',
    { service: 'github', method: 'POST', url: 'https://api.github.com/repos/acme/sandbox/issues', body: { title: 'typo' } },
    { 'x-passport-token': passport.token, traceparent: `00-${trace}-00f067aa0ba902b7-01` },
  );
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.status, 201);
  assert.equal(answer.body.body.title, 'typo');
  assert.match(answer.headers.get('traceresponse') ?? '', new RegExp(`^00-${trace}-`));
  assert.match(answer.headers.get('x-request-id') ?? '', /^req_/);

  const rows = await eventually(async () => {
    const list = await operator('GET', `/v1/audit?passport_jti=${passport.jti}&attempts=all&order=asc&limit=100`);
    const calls = list.body.entries.filter((row: { action: string }) => row.action === 'credential.proxy');
    return calls.length === 2 && calls;
  });
  assert.deepEqual(
    rows.map((row: { outcome: string }) => row.outcome),
    ['pending', 'success'],
  );
  assert.equal(rows[0].entry_id, answer.body.attempt_entry_id);
  assert.equal(rows[1].entry_id, answer.body.entry_id);
  assert.equal(rows[1].attempt_entry_id, rows[0].entry_id);
  assert.equal(rows[1].w3c_trace_id, trace);
  assert.deepEqual(rows[1].http, {
    method: 'POST',
    host: 'api.github.com',
    path: '/repos/acme/sandbox/issues',
    status: 201,
    override: true,
  });
  assert.ok(Date.parse(rows[0].recorded_at) <= (upstream.seen.at(-1)?.at ?? 0), 'the record is older than the request at the upstream');
  const verified = await operator('GET', '/v1/audit/verify-chain');
  assert.equal(verified.body.valid, true);
});

test('an export in each format holds the whole chain and is itself on record', async () => {
  const operator = acme.api;
  const whole = await operator('GET', '/v1/audit/export');
  const seqs = whole.body.entries.map((row: { seq: number }) => row.seq);
  assert.deepEqual(
    seqs,
    seqs.map((_: number, i: number) => i + 1),
  );
  const lines = await operator('GET', '/v1/audit/export?format=ndjson');
  assert.ok(String(lines.body).trim().split('\n').length > seqs.length - 1);
  const csv = await operator('GET', '/v1/audit/export?format=csv');
  assert.match(String(csv.body), /^entry_id,timestamp,/);
  await eventually(async () => {
    const list = await operator('GET', '/v1/audit?action=audit.export&limit=100');
    return list.body.entries.length === 3;
  });
});

/**
 * What is used once, whatever the number of gateways: counts of a mission's caps (api.md §7.2) and operation ids (api.md §8.8), also when the gateway that
 * saw the first use is gone. The upstream's own log is what counts.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { freePort } from '@sallyport/testing/ports.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from './support/agent.ts';
import { type Answer, type Api, apiOf } from './support/api.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

let platform: Constellation;
let upstream: Upstream;
let operator: Api;
let agent: TestAgent;

before(async () => {
  [platform, upstream] = await Promise.all([constellation({ gateways: 2, env: { SALLYPORT_RATE_LIMITS: 'off' } }), startUpstream()]);
  operator = apiOf(platform.baseUrl, platform.apiKey);
  await connectGithub(operator, upstream.url, { default: true });
  agent = await enrolledAgent(operator, { accountability_mode: 'logged' });
});
after(async () => {
  await platform?.stop();
  await upstream?.stop();
});

type Passport = { token: string; jti: string };

function call(passport: Passport, body: Record<string, unknown> = {}, gateway = 0): Promise<Answer> {
  const issue = { service: 'github', method: 'POST', url: 'https://api.github.com/repos/acme/sandbox/issues', body: { title: 'typo' } };
  return apiOf(platform.gateways[gateway] ?? '', agent.jwt())(
    'POST',
    '/v1/proxy',
    { ...issue, ...body },
    { 'x-passport-token': passport.token },
  );
}
const operationId = (): string => randomBytes(18).toString('base64url');

async function mission(caps: Record<string, unknown>): Promise<Passport> {
  return (await startMission(operator, agent.id, caps)).passport;
}

test('given a cap of five and fifty calls at once over two gateways, then five go upstream and the others are told the cap', async () => {
  let sent = 0;
  const fifty = async (): Promise<Answer[]> => {
    const passport = await mission({ max_actions: 5 });
    sent = upstream.seen.length;
    return Promise.all(Array.from({ length: 50 }, (_, i) => call(passport, {}, i % 2)));
  };
  let answers = await fifty();
  // A machine too busy to record a call in time, or to follow the log, refuses it with 503, and frees its count later: in another mission it is another race.
  for (let again = 0; again < 3 && answers.some(({ status }) => status === 503); again++) {
    assert.ok(upstream.seen.length - sent <= 5);
    answers = await fifty();
  }
  const passed = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 403);
  assert.deepEqual([passed.length, refused.length], [5, 45], JSON.stringify(answers.map(({ status, body }) => [status, body.error?.code])));
  assert.equal(upstream.seen.length - sent, 5);
  for (const { body } of refused) {
    const { reason, cap, limit, used } = body.error.metadata;
    assert.deepEqual([body.error.code, reason, cap, limit, used], ['FORBIDDEN', 'mission_cap', 'max_actions', 5, 5]);
  }
});

test('given a cap per service, then it counts that service, and one that flags lets the call pass and says so in its row', async () => {
  const passport = await mission({ max_actions_per_service: { github: 2, slack: 1 }, cap_behavior: { max_actions_per_service: 'flag' } });
  for (const gateway of [0, 1, 0]) assert.equal((await call(passport, {}, gateway)).status, 200);
  const rows = await eventually(async () => {
    const { body } = await operator('GET', `/v1/audit?passport_jti=${passport.jti}&attempts=none&order=asc&limit=100`);
    const closings = body.entries.filter((row: { action: string }) => row.action === 'credential.proxy');
    return closings.length === 3 && closings;
  });
  assert.deepEqual(
    rows.map((row: { metadata: { over_caps: string[] } }) => row.metadata.over_caps),
    [[], [], ['max_actions_per_service']],
  );
});

test('given an upstream that refuses connections, then operation id and count are free again', async (t) => {
  const port = await freePort();
  const connection = await connectGithub(operator, `http://127.0.0.1:${port}`);
  const passport = (await startMission(operator, agent.id, { max_actions: 1 }, { services: [connection.id] })).passport;
  const operation = { service: connection.id, authority_request_id: operationId() };
  // Free when the refusal stands in the log, which need not be before its answer.
  for (const gateway of [0, 1]) {
    await eventually(async () => {
      const { status, body } = await call(passport, operation, gateway);
      assert.deepEqual([status, body.error?.code], [502, 'UPSTREAM_UNREACHABLE'], JSON.stringify(body));
      assert.equal(body.error.metadata.upstream_may_have_completed, false);
    });
  }
  const server = await listening(port);
  t.after(() => server.close());
  await eventually(async () => assert.equal((await call(passport, operation, 0)).status, 200));
  assert.equal((await call(passport, operation, 1)).body.error.metadata.reason, 'not_replayable');
  assert.equal((await call(passport, { service: connection.id }, 1)).body.error.metadata.reason, 'mission_cap');
});

test('given both gateways were restarted, then a repeat at another one is not carried out again, and the count goes on', async () => {
  const passport = await mission({ max_actions: 2 });
  const operation = { authority_request_id: operationId() };
  const sent = upstream.seen.length;
  assert.equal((await call(passport, operation, 0)).status, 200);
  await eventually(async () => (await call(passport, operation, 1)).body.error?.metadata.reason === 'not_replayable');

  const before = platform.processes();
  const gateways = Object.keys(before).filter((name) => name.startsWith('gateway'));
  assert.equal(gateways.length, 2, JSON.stringify(before));
  for (const name of gateways) platform.kill(name);
  const ready = async (url: string): Promise<boolean> => (await fetch(`${url}/readyz`)).status === 200;
  await eventually(() => gateways.every((name) => platform.processes()[name] !== before[name]), { timeoutMs: 20_000 });
  await eventually(async () => (await Promise.all(platform.gateways.map(ready))).every(Boolean), { timeoutMs: 30_000 });

  const repeat = await call(passport, operation, 1);
  assert.deepEqual([repeat.status, repeat.body.error?.metadata.reason], [409, 'not_replayable'], JSON.stringify(repeat.body));
  assert.equal(upstream.seen.length - sent, 1);
  assert.equal((await call(passport, {}, 1)).status, 200);
  const { reason, used } = (await call(passport, {}, 0)).body.error.metadata;
  assert.deepEqual([reason, used], ['mission_cap', 2]);
  assert.equal(upstream.seen.length - sent, 2);
});

/** Answers every request with an empty 204. */
async function listening(port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n'));
    socket.on('error', () => socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

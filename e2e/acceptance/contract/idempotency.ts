/** `Idempotency-Key` on everything that creates (api.md §1.5). */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { idempotencyHash } from '@sallyport/bus/idempotency.ts';
import { createRunning } from '@sallyport/bus/running.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, readSince } from '../../support/api.ts';
import { bodyOf, type Furnished, furnish, HTTP, pathOf, platform } from './world.ts';

const CREATES = HTTP.filter(({ creates, name }) => creates === true && name !== 'operator.bootstrap');
const key = (): string => randomBytes(12).toString('hex');

/** A body with another meaning that is as good. */
const OTHER: Record<string, (body: Record<string, unknown>) => Record<string, unknown>> = {
  'agents.register': (body) => ({ ...body, description: 'another' }),
  'missions.open': (body) => ({ ...body, intent_summary: 'Another' }),
  'missions.start': (body) => ({ ...body, mission: { intent_summary: 'Another', intent_services: ['github'] } }),
  'passports.issue': (body) => ({ ...body, ttl_seconds: 120 }),
  'passports.delegate': (body) => ({ ...body, ttl_seconds: 120 }),
  'passports.refresh': (body) => ({ ...body, ttl_seconds: 120 }),
  'services.connect': (body) => ({ ...body, label: 'another' }),
  'team.invite': (body) => ({ ...body, name: 'Another' }),
};

async function create(
  f: Furnished,
  operation: (typeof CREATES)[number],
  body: unknown,
  idempotencyKey: string,
  api = f.operator.api,
): Promise<Answer> {
  return api(
    operation.http.method,
    pathOf(operation, ({ kind }) => f.ids[kind]),
    body,
    { 'idempotency-key': idempotencyKey },
  );
}

test('38. there are operations that create', () => assert.ok(CREATES.length >= 6, String(CREATES.length)));

for (const operation of CREATES) {
  test(`38. ${operation.name} repeated with the same key creates once and answers the same`, async () => {
    const f = await furnish(`idem-${operation.name.replaceAll(/[^a-z]/g, '-')}`);
    const body = bodyOf(operation, f.ids, f);
    const once = key();
    const first = await create(f, operation, body, once);
    assert.equal(first.status, operation.http.status, JSON.stringify(first.body));
    assert.equal(first.headers.get('idempotency-replayed'), null);
    const again = await create(f, operation, body, once);
    assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [first.status, 'true'], JSON.stringify(again.body));
    assert.deepEqual(again.body, first.body);

    if (body !== undefined && operation.name in OTHER) {
      const changed = await create(f, operation, OTHER[operation.name]?.(body), once);
      assert.deepEqual([changed.status, changed.body.error?.code], [409, 'IDEMPOTENCY_KEY_REUSED'], JSON.stringify(changed.body));
    } else assert.equal(operation.body, undefined, `${operation.name}: say in OTHER what another body is`);
  });
}

test('38. fifty at once with one key, over two gateways, create one object; who comes too early is told to wait', async () => {
  const f = await furnish('idem-race');
  const operation = CREATES.find(({ name }) => name === 'agents.register') ?? assert.fail();
  const once = key();
  const body = { name: 'raced' };
  const doors = platform.gateways.map((_, gateway) => platform.api(f.operator.api_key, gateway));
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => create(f, operation, body, once, doors[n % doors.length])));
  const made = answers.filter(({ status }) => status === 201);
  assert.ok(made.length >= 1);
  assert.equal(new Set(made.map((one) => one.body.id)).size, 1);
  assert.equal(made.filter(({ headers }) => headers.get('idempotency-replayed') === null).length, 1);
  for (const waiting of answers.filter(({ status }) => status !== 201)) assertRunning(waiting);
  const listed = await readSince(f.operator.api, '/v1/agents?name=raced', made[0] ?? assert.fail());
  assert.equal(listed.body.length, 1);
});

function assertRunning({ status, body, headers }: Answer): void {
  assert.deepEqual(
    [status, body.error?.code, body.error?.metadata.reason, headers.get('retry-after'), headers.get('idempotency-replayed')],
    [409, 'CONFLICT', 'request_in_progress', '1', null],
    JSON.stringify(body),
  );
}

test('38. a request that another instance has not ended is told of at every gateway, and its key creates afterwards', async () => {
  const f = await furnish('idem-running');
  const register = CREATES.find(({ name }) => name === 'agents.register') ?? assert.fail();
  const once = key();
  const { operator_id, api_key } = f.operator;
  const method_path = 'POST /v1/agents/register';
  const asked = idempotencyHash({ key: once, principal: `operator:${operator_id}`, method_path });
  // What the other instance does first.
  const end = await createRunning(await platform.bus('passports')).begin(operator_id, asked);
  for (const [gateway] of platform.gateways.entries()) {
    const api = platform.api(api_key, gateway);
    assertRunning(await create(f, register, { name: 'running' }, once, api));
    assert.equal((await create(f, register, { name: 'running' }, key(), api)).status, 201, 'another key');
  }
  end?.();
  const made = await eventually(async () => {
    const answer = await create(f, register, { name: 'running' }, once);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer;
  });
  assert.equal(made.headers.get('idempotency-replayed'), null);
});

test('38. a key is its principal’s and its path’s, and a refusal is repeated like a success', async () => {
  const f = await furnish('idem-scope');
  const member = await f.operator.memberKey('standard');
  const register = CREATES.find(({ name }) => name === 'agents.register') ?? assert.fail();
  const once = key();
  const mine = await create(f, register, { name: 'mine' }, once);
  const theirs = await create(f, register, { name: 'mine' }, once, member.api);
  assert.equal(theirs.status, 201);
  assert.notEqual(mine.body.id, theirs.body.id);
  const elsewhere = await f.operator.api('POST', `/v1/agents/${f.ids.agent}/enrollment-challenge`, undefined, { 'idempotency-key': once });
  assert.equal(elsewhere.status, 201);

  const issue = CREATES.find(({ name }) => name === 'passports.issue') ?? assert.fail();
  const refusedOnce = key();
  const wrong = { agent_id: f.ids.agent, mission_ids: [f.ids.mission], intent: { summary: 'x', services: ['slack'] } };
  const refused = await create(f, issue, wrong, refusedOnce);
  assert.equal(refused.status, 400, JSON.stringify(refused.body));
  const repeated = await create(f, issue, wrong, refusedOnce);
  assert.deepEqual([repeated.status, repeated.headers.get('idempotency-replayed')], [400, 'true']);
  assert.equal(repeated.body.error.code, refused.body.error.code);
  for (const bad of ['', ' ', 'ü', 'x'.repeat(256)]) {
    const answer = await create(f, register, { name: 'bad-key' }, bad).catch(() => null);
    if (answer && bad !== '') assert.equal(answer.status, 400, JSON.stringify(answer.body));
  }
});

test('38. an outage is not stored: the same key creates when it is over', async () => {
  const f = await furnish('idem-outage');
  const register = CREATES.find(({ name }) => name === 'agents.register') ?? assert.fail();
  const once = key();
  platform.constellation.kill('passports');
  const down = await create(f, register, { name: 'after-all' }, once);
  assert.equal(down.status, 503, JSON.stringify(down.body));
  const made = await eventually(
    async () => {
      const answer = await create(f, register, { name: 'after-all' }, once);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return answer;
    },
    { timeoutMs: 60_000, everyMs: 100 },
  );
  assert.equal(made.headers.get('idempotency-replayed'), null);
  assert.equal((await create(f, register, { name: 'after-all' }, once)).headers.get('idempotency-replayed'), 'true');
});

/**
 * Rate limits through the door (api.md §1.6), with the numbers of the specification but for one that is set: which bucket a call is taken from, what the headers
 * say, and that a call beyond it does nothing. And whose address counts behind a proxy: the second gateway knows one.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { viewDevice } from '@sallyport/contracts/operations/oauth.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrol, enrolledAgent, startMission } from '../support/agent.ts';
import { type Answer, apiOf } from '../support/api.ts';
import { testPlatform } from '../support/platform.ts';
import { answered, pagesOver, postForm } from '../support/sign-in.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const platform = testPlatform({
  gateways: 2,
  env: { SALLYPORT_RATE_LIMITS: 'on', SALLYPORT_GATEWAY_PROXY_CALLS_PER_MINUTE: '30' },
  environment: async (name, env) => (name === 'gateway-2' ? { ...env, SALLYPORT_GATEWAY_TRUSTED_PROXIES: '10.0.0.0/8,127.0.0.1' } : env),
});
let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream?.stop());

const told = ({ headers }: Answer): (string | null)[] =>
  ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after'].map((name) => headers.get(name));

/** Calls until one is refused, `at_once` side by side, and more where tokens come as fast; `burst` of them pass, and those for which a token came meanwhile. */
async function exhaust(
  call: () => Promise<Answer>,
  { limit, burst, status, at_once = 5 }: { limit: number; burst: number; status: number; at_once?: number },
): Promise<{ passed: number; refused: Answer }> {
  const first = await call();
  assert.equal(first.status, status, JSON.stringify(first.body));
  assert.deepEqual(told(first).slice(0, 2), [String(limit), String(burst - 1)]);
  let passed = 1;
  for (let width = at_once; passed < 16 * burst; width = passed > burst ? 2 * width : at_once) {
    const answers = await Promise.all(Array.from({ length: width }, call));
    passed += answers.filter((one) => one.status !== 429).length;
    const refused = answers.find((one) => one.status === 429);
    if (!refused) continue;
    assert.ok(passed >= burst, `only ${passed} passed`);
    const { error } = refused.body;
    assert.equal(error.code ?? error, error.code === undefined ? 'slow_down' : 'RATE_LIMITED');
    const [of, remaining, reset, retry] = told(refused);
    assert.deepEqual([of, remaining, retry], [String(limit), '0', reset]);
    assert.ok(Number(retry) >= 1);
    return { passed, refused };
  }
  return assert.fail(`${passed} calls and none refused`);
}

test('control calls are counted per principal, and one too many does nothing', async () => {
  const [acme, other] = await Promise.all([platform.newOperator(), platform.newOperator()]);
  const { refused } = await exhaust(() => acme.api('GET', '/v1/operator'), { limit: 600, burst: 20, status: 200 });
  assert.equal(refused.headers.get('retry-after'), '1');
  const writes: Answer[] = [];
  // As many at once as it takes to be faster than tokens come.
  for (let width = 30; width <= 240 && !writes.some(({ status }) => status === 429); width *= 2) {
    const more = Array.from({ length: width }, () => acme.api('POST', '/v1/agents/register', { name: 'too-many' }));
    writes.push(...(await Promise.all(more)));
  }
  const made = writes.filter(({ status }) => status === 201).length;
  assert.ok(writes.some(({ status }) => status === 429));
  assert.equal((await other.api('GET', '/v1/operator')).status, 200);
  const agents = await eventually(async () => {
    const answer = await acme.api('GET', '/v1/agents');
    assert.equal(answer.status, 200, 'a token comes back with time');
    return answer.body;
  });
  assert.equal(agents.length, made);
});

test('proxied calls are counted per agent, whoever calls, and one too many is not recorded and not sent', async () => {
  const acme = await platform.newOperator();
  await connectGithub(acme.api, upstream.url);
  const member = await acme.memberKey('readonly');
  const busy = await acme.api('POST', '/v1/agents/register', { name: 'busy', accountability_mode: 'logged' });
  const mission = await startMission(acme.api, busy.body.id);
  const body = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' };
  let turn = 0;
  const call = (gateway = 0): Promise<Answer> =>
    platform.api(turn++ % 2 === 0 ? acme.api_key : member.api_key, gateway)('POST', '/v1/proxy', body, {
      'x-passport-token': mission.passport.token,
    });
  const seen = upstream.seen.length;
  const { passed, refused } = await exhaust(call, { limit: 30, burst: 10, status: 200 });
  assert.equal(refused.headers.get('x-sallyport-error'), 'RATE_LIMITED');
  assert.ok(passed < 16, 'each caller has a bucket of its own');
  assert.equal(upstream.seen.length - seen, passed);
  assert.equal((await call(1)).status, 200, 'each gateway counts for itself');
  await eventually(async () => {
    const { body: log } = await acme.api('GET', `/v1/audit?passport_jti=${mission.passport.jti}&limit=100`);
    const calls = log.entries.filter(({ action }: { action: string }) => action === 'credential.proxy');
    assert.equal(calls.length, upstream.seen.length - seen, JSON.stringify(log.entries.map(({ action }: { action: string }) => action)));
  });
});

test('issues and enrolments have limits of their own per agent, exports one per operator', async () => {
  const acme = await platform.newOperator();
  const one = await enrolledAgent(acme.api, { name: 'one', accountability_mode: 'logged' });
  const issue = (id: string, jwt: string): Promise<Answer> =>
    platform.api(jwt)('POST', '/v1/passports/issue', { agent_id: id, intent: { summary: 'x', services: ['github'] } });
  await exhaust(() => issue(one.id, one.jwt()), { limit: 60, burst: 10, status: 201 });
  const two = await enrolledAgent(acme.api, { name: 'two', accountability_mode: 'logged' });
  assert.equal((await issue(two.id, two.jwt())).status, 201);

  // Each with keys whose control calls are not used up.
  const enrolling = await platform.newOperator();
  const three = (await enrolling.api('POST', '/v1/agents/register', { name: 'three' })).body.id;
  const asked: number[] = [];
  const enrolments = await exhaust(
    async () => {
      const answer = await enrolling.api('POST', `/v1/agents/${three}/enrollment-challenge`);
      asked.push(answer.status);
      // Five are open at once; the sixth is refused and counts all the same.
      return asked.length > 5 && answer.status === 409 ? { ...answer, status: 201 } : answer;
    },
    { limit: 10, burst: 10, status: 201, at_once: 1 },
  );
  assert.deepEqual(asked, [201, 201, 201, 201, 201, 409, 409, 409, 409, 409, 429]);
  assert.ok(Number(enrolments.refused.headers.get('retry-after')) > 300);
  await enrol(enrolling.api, (await enrolling.api('POST', '/v1/agents/register', { name: 'four' })).body.id);

  const exporting = await platform.newOperator();
  const admin = await exporting.memberKey('admin');
  const exported = (api: typeof exporting.api): Promise<Answer> => api('GET', '/v1/audit/export');
  let turn = 0;
  const exports = await exhaust(() => exported(turn++ % 2 === 0 ? exporting.api : admin.api), { limit: 10, burst: 10, status: 200 });
  const last = await eventually(
    async () => {
      const answer = await exporting.api('POST', '/v1/agents/register', { name: 'last' });
      assert.equal(answer.status, 201, 'as soon as a token has come back');
      return answer;
    },
    { everyMs: 200 },
  );
  const onRecord = await eventually(async () => {
    const seen = { 'x-min-event-seq': last.headers.get('x-event-seq') ?? '' };
    const answer = await exporting.api('GET', '/v1/audit?limit=100&action=audit.export', undefined, seen);
    assert.equal(answer.status, 200);
    return answer.body.entries;
  });
  assert.equal(onRecord.length, exports.passed, 'what was refused is not on record as an export');
});

test('behind a proxy that is known, the address that it names is shown and counted, and nothing that the caller adds', async () => {
  const acme = await platform.newOperator();
  const { session } = await (await acme.memberKey('standard')).signIn();
  const pages = pagesOver(() => platform.bus('gateway'));
  const [direct = '', behind = ''] = platform.gateways;
  const from = (gateway: string, forwarded: string): Promise<Answer> =>
    postForm(gateway, '/oauth/device_authorization', { client_id: 'sallyport-cli' }, { 'x-forwarded-for': forwarded });
  const shown = async ({ body }: Answer): Promise<string> =>
    answered(await pages.ask(viewDevice, session, { user_code: body.user_code })).address;
  assert.equal(await shown(await from(direct, '203.0.113.1')), '127.0.0.1');
  assert.equal(await shown(await from(behind, '198.51.100.1, 203.0.113.1, 10.0.0.7')), '203.0.113.1');

  let n = 0;
  await exhaust(() => from(behind, `198.51.100.${++n}, 203.0.113.2`), { limit: 20, burst: 10, status: 200 });
  assert.equal((await from(behind, '203.0.113.3')).status, 200);
});

test('sign-in, device and token endpoints share a limit per address, verification has its own', async () => {
  const [direct = ''] = platform.gateways;
  const api = apiOf(direct);
  await exhaust(() => api('POST', '/v1/passports/verify', { token: 'eyJ.eyJ.x' }), { limit: 600, burst: 20, status: 200 });
  let n = 0;
  const forwarded = (): Record<string, string> => ({ 'x-forwarded-for': `203.0.113.${++n}` });
  const answers: Answer[] = [];
  const from = performance.now();
  const ask = (): Promise<Answer> => api('POST', '/v1/auth/magic-link', { email: 'nobody@example.com' }, forwarded());
  while (!answers.some(({ status }) => status === 429) && answers.length < 100)
    answers.push(...(await Promise.all(Array.from({ length: 5 }, ask))));
  const passed = answers.filter(({ status }) => status !== 429).length;
  // Ten at once, and one each 3 s. Some are gone already: those of the tests before.
  assert.ok(passed <= 10 + Math.ceil((performance.now() - from) / 3_000), `whatever address the caller claims: ${passed}`);
  /** A token may have come meanwhile. */
  const over = async (call: () => Promise<Answer>): Promise<Answer> => {
    for (let tries = 0; tries < 5; tries++) {
      const answer = await call();
      if (answer.status === 429) return answer;
    }
    return assert.fail('five calls and none refused');
  };
  for (const [path, form] of [
    ['/oauth/token', { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'x' }],
    ['/v1/oauth/token', { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'x' }],
    ['/oauth/revoke', { token: 'x' }],
    ['/oauth/device_authorization', { client_id: 'sallyport-cli' }],
  ] as const) {
    const answer = await over(() => postForm(direct, path, form, forwarded()));
    assert.deepEqual([answer.body.error, Number(answer.headers.get('retry-after')) >= 1], ['slow_down', true], path);
  }
  await over(() => api('POST', '/v1/auth/magic-link/verify', { token: 'x' }));
  await over(() => api('POST', '/oauth/register', { client_name: 'x', redirect_uris: ['https://example.com/'] }));
});

/** Reviews of runs (api.md §13): opened at checkout, revocation and lapse, decided by people, and what that does to agent and passports. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { eventually } from '@sallyport/testing/time.ts';
import type pg from 'pg';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Answer, type Api, apiOf, readSince } from '../support/api.ts';
import { openDatabase } from '../support/database.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

let platform: Constellation;
let upstream: Upstream;
let operator: Api;
let database: pg.Client;

before(async () => {
  [platform, upstream] = await Promise.all([constellation({ env: { SALLYPORT_RATE_LIMITS: 'off' } }), startUpstream()]);
  operator = apiOf(platform.baseUrl, platform.apiKey);
  await connectGithub(operator, upstream.url);
  database = await openDatabase(platform);
});
after(async () => {
  await database?.end();
  await platform?.stop();
  await upstream?.stop();
});

let number = 0;
const agentWith = (fields: Record<string, unknown>): Promise<TestAgent> =>
  enrolledAgent(operator, { name: `reviewed-${++number}`, ...fields });

/** A call to a provider that the passport does not hold: critical for an enforced agent, a warning for a logged one. */
async function offScope(agent: TestAgent, token: string): Promise<void> {
  const body = { service: 'notion', method: 'GET', url: 'https://api.notion.com/v1/users/me' };
  const refused = await apiOf(platform.baseUrl, agent.jwt())('POST', '/v1/proxy', body, { 'x-passport-token': token });
  assert.deepEqual([refused.status, refused.body.error.metadata.reason], [403, 'service_out_of_scope']);
}

async function reviews(query: string): Promise<Answer['body']> {
  const listed = await operator('GET', `/v1/passports/reviews?${query}`);
  assert.equal(listed.status, 200, JSON.stringify(listed.body));
  return listed.body;
}

async function opened(agent: TestAgent, query = 'status=all'): Promise<Answer['body']> {
  return eventually(async () => {
    const { items, total } = await reviews(`${query}&agent_id=${agent.id}`);
    assert.equal(total, 1, JSON.stringify(items));
    return items[0];
  });
}

async function decide(review: { checkout_id: string }, body: Record<string, unknown>): Promise<Answer> {
  return operator('POST', `/v1/passports/reviews/${review.checkout_id}/decide`, body);
}

const checkout = (jti: string, body: object = {}): Promise<Answer> => operator('POST', `/v1/passports/${jti}/checkout`, body);

/** A run whose checkout the detectors answered in time, 1.5 s: on a busy machine the next one. */
async function inTime(
  agent: TestAgent,
  run: (passport: { token: string }) => Promise<void> = async () => undefined,
  body: object = {},
): Promise<{ passport: { jti: string }; mission_id: string; body: Answer['body'] }> {
  return eventually(async () => {
    const { passport, mission_id } = await startMission(operator, agent.id);
    await run(passport);
    const ended = await checkout(passport.jti, body);
    assert.equal(ended.status, 200, JSON.stringify(ended.body));
    assert.equal(ended.body.reviewed, true, JSON.stringify(ended.body));
    return { passport, mission_id, body: ended.body };
  });
}
const rows = async (action: string, agent: TestAgent): Promise<Answer['body'][]> =>
  (await operator('GET', `/v1/audit?limit=100&action=${action}&agent_id=${agent.id}`)).body.entries;

test('13. a run that a detector revoked is reviewed without checkout, once, and a later checkout answers that review', async () => {
  const agent = await agentWith({ accountability_mode: 'enforced' });
  const { passport, mission_id } = await startMission(operator, agent.id);
  await offScope(agent, passport.token);
  const review = await opened(agent);
  assert.deepEqual([review.passport_jti, review.review_status, review.state, review.decision], [passport.jti, 'flagged', 'open', null]);
  assert.equal(review.agent_name, `reviewed-${number}`);
  assert.equal(review.intent_summary, 'Triage open issues in acme/sandbox');
  assert.deepEqual(
    review.flags.map(({ type, severity }: { type: string; severity: string }) => [type, severity]),
    [['signal:credential_outside_scope', 'critical']],
  );
  assert.match(review.event_ids[0], /^sev_/);
  assert.equal(review.flag_details[0].type, 'signal:credential_outside_scope');
  assert.match(review.flag_details[0].evidence[0], /^evt_/);

  const answer = await checkout(passport.jti, { summary: 'done', actions_count: 3 });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.deepEqual(
    [answer.body.checkout_id, answer.body.ended_by, answer.body.review_status, answer.body.review_id, answer.body.flags],
    [review.checkout_id, 'revoked', 'flagged', review.review_id, review.flags],
  );
  await eventually(async () => {
    assert.equal((await rows('review.open', agent)).length, 1);
    assert.equal((await rows('passport.checkout', agent)).length, 1);
  });
  const { body: mission } = await operator('GET', `/v1/missions/${mission_id}`);
  assert.deepEqual([mission.review_status, mission.review_ids], ['flagged', [review.review_id]]);
  await eventually(async () => {
    const { counts } = (await operator('GET', `/v1/missions/${mission_id}`)).body;
    assert.deepEqual([counts.denied, counts.security_events], [1, 1]);
  });
  assert.deepEqual((await operator('GET', `/v1/passports/reviews/${review.checkout_id}`)).body, review);
});

test('13. where a critical finding blocks, the agent and its live passports are stopped, until a person says that it was harmless', async () => {
  const agent = await agentWith({ accountability_mode: 'enforced', on_critical: 'block' });
  const [bad, other] = [await startMission(operator, agent.id), await startMission(operator, agent.id)];
  await offScope(agent, bad.passport.token);
  const review = await opened(agent, 'status=blocked');
  assert.equal(review.state, 'open');
  const blocked = (await operator('GET', `/v1/agents/${agent.id}`)).body;
  assert.deepEqual([blocked.passport_blocked, blocked.passport_blocked_reason], [true, 'review_block: signal:credential_outside_scope']);
  const { body: dead } = await operator('GET', `/v1/passports/${other.passport.jti}`);
  assert.deepEqual([dead.status, dead.revoke_reason], ['revoked', 'review_block: signal:credential_outside_scope']);
  const issue = (): Promise<Answer> =>
    operator('POST', '/v1/passports/issue', { agent_id: agent.id, intent: { summary: 'again', services: ['github'] } });
  const refused = await issue();
  assert.deepEqual([refused.status, refused.body.error.code, refused.body.error.metadata.reason], [403, 'PASSPORT_BLOCKED', 'review']);

  const confirmed = await decide(review, { decision: 'confirmed', notes: 'a real incident' });
  assert.deepEqual(confirmed.body, { review_id: review.review_id, agent_id: agent.id, decision: 'confirmed', passport_blocked: true });
  const harmless = await decide(review, { decision: 'approved', notes: 'a test of the alarm' });
  assert.deepEqual(harmless.body, { review_id: review.review_id, agent_id: agent.id, decision: 'approved', passport_blocked: false });
  assert.equal((await issue()).status, 201);
  const { body: decided } = await operator('GET', `/v1/passports/reviews/${review.checkout_id}`);
  assert.deepEqual([decided.state, decided.decision, decided.notes], ['approved', 'approved', 'a test of the alarm']);
  assert.equal(decided.decided_by.type, 'operator');
  await eventually(async () => {
    const kept = await rows('review.decide', agent);
    assert.deepEqual(
      kept.map(({ metadata }) => [metadata.decision, metadata.notes]),
      [
        ['approved', 'a test of the alarm'],
        ['confirmed', 'a real incident'],
      ],
    );
  });
  assert.equal((await reviews(`status=blocked&agent_id=${agent.id}`)).total, 0, 'the queue holds open reviews');
  assert.equal((await reviews(`status=blocked&state=approved&agent_id=${agent.id}`)).total, 1);

  const after = await decide(review, { decision: 'blocked', block_future: true });
  assert.equal(after.body.passport_blocked, true);
  assert.equal((await operator('GET', `/v1/agents/${agent.id}`)).body.status, 'suspended');
  assert.deepEqual((await readSince(operator, `/v1/passports/active?agent_id=${agent.id}`, after)).body, []);
});

test('13. an approval lifts no block that another hand has set', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const { passport } = await startMission(operator, agent.id);
  await offScope(agent, passport.token);
  const { body } = await checkout(passport.jti);
  assert.equal((await operator('POST', `/v1/passports/revoke-agent/${agent.id}`, { reason: 'mine', block_agent: true })).status, 200);
  assert.equal((await decide(body, { decision: 'approved' })).body.passport_blocked, true);
  assert.equal((await operator('GET', `/v1/agents/${agent.id}`)).body.passport_blocked_reason, 'mine');
});

test('13. a checkout carries its review, and a warning only flags', async () => {
  const agent = await agentWith({ accountability_mode: 'logged', on_critical: 'block' });
  const { passport, body } = await inTime(agent, ({ token }) => offScope(agent, token), { summary: 'x'.repeat(50) });
  assert.deepEqual([body.review_status, body.ended_by], ['flagged', 'checkout']);
  assert.match(body.review_id, /^rev_/);
  assert.equal((await checkout(passport.jti)).body.review_id, body.review_id);
  const { body: review } = await operator('GET', `/v1/passports/reviews/${body.checkout_id}`);
  assert.deepEqual([review.review_id, review.flags[0].severity], [body.review_id, 'warning']);
  assert.equal((await operator('GET', `/v1/agents/${agent.id}`)).body.passport_blocked, false);
});

test('13. a clean run opens no review and can be looked up; a standard one is not reviewed', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const { body } = await inTime(agent);
  assert.deepEqual([body.review_status, body.review_id], ['clean', null]);
  const { body: run } = await operator('GET', `/v1/passports/reviews/${body.checkout_id}`);
  assert.deepEqual([run.review_status, run.review_id, run.state], ['clean', null, null]);
  const { items } = await eventually(async () => {
    const listed = await reviews(`status=clean&agent_id=${agent.id}`);
    return listed.items.length > 0 && listed;
  });
  assert.equal(items[0].checkout_id, body.checkout_id, 'newest first');
  assert.equal((await decide(body, { decision: 'confirmed' })).status, 404);

  const plain = await agentWith({ accountability_mode: 'standard' });
  const started = await startMission(operator, plain.id);
  const ended = await checkout(started.passport.jti);
  assert.deepEqual([ended.body.review_status, ended.body.reviewed, ended.body.review_id], ['clean', false, null]);
  assert.equal((await operator('GET', `/v1/passports/reviews/${ended.body.checkout_id}`)).status, 404);
});

test('13. a run that lapsed is reviewed, and its late checkout says so', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const { passport } = await startMission(operator, agent.id, { expires_in_seconds: 1 });
  const run = await eventually(async () => {
    const { items } = await reviews(`status=clean&agent_id=${agent.id}`);
    return items[0] ?? false;
  });
  const { body } = await checkout(passport.jti);
  assert.deepEqual([body.checkout_id, body.ended_by, body.review_status], [run.checkout_id, 'lapsed', 'clean']);
});

test('given reviews that come and go while they are listed, then no page contradicts its total', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const { passport } = await startMission(operator, agent.id);
  const { checkout_id } = (await checkout(passport.jti)).body;
  await eventually(async () => assert.equal((await reviews(`status=clean&agent_id=${agent.id}`)).total, 1));
  let isAsking = true;
  const listed = (async () => {
    for (let asked = 0; asked < 60; asked++) {
      const { items, total } = await reviews(`status=clean&agent_id=${agent.id}`);
      assert.equal(items.length, total);
    }
  })().finally(() => {
    isAsking = false;
  });
  const columns = 'operator_id, agent_id, mission_id, review_status, state, review_id, review';
  for (let n = 0; isAsking; n++) {
    await database.query(
      `insert into passports.review (checkout_id, ${columns}) select $1 || '-' || $2, ${columns} from passports.review where checkout_id = $1`,
      [checkout_id, n],
    );
    await database.query(`delete from passports.review where checkout_id like $1 || '-%'`, [checkout_id]);
  }
  await listed;
});

test('13. a mission that is revoked as adversarial gets a review whatever was found', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const started = await startMission(operator, agent.id);
  assert.equal((await operator('POST', `/v1/missions/${started.mission_id}/revoke`, { reason: 'adversarial', notes: 'odd' })).status, 200);
  const review = await opened(agent);
  assert.deepEqual([review.review_status, review.state, review.flags[0].type], ['flagged', 'open', 'revoked_adversarial']);

  const calm = await agentWith({ accountability_mode: 'logged' });
  const done = await inTime(calm);
  assert.equal(done.body.review_status, 'clean');
  await operator('POST', `/v1/missions/${done.mission_id}/revoke`, { reason: 'adversarial' });
  await eventually(async () => {
    const { body } = await operator('GET', `/v1/passports/reviews/${done.body.checkout_id}`);
    assert.equal(body.flags[0].type, 'revoked_adversarial');
  });

  const clean = await agentWith({ accountability_mode: 'logged' });
  const left = await startMission(operator, clean.id);
  await operator('POST', `/v1/missions/${left.mission_id}/revoke`, { reason: 'operator_initiated_clean' });
  await opened(clean, 'status=clean');
  assert.equal((await reviews(`agent_id=${clean.id}`)).total, 0);
});

test('13. a review that the detectors could not make in time is pending, and corrected when they can', async () => {
  const agent = await agentWith({ accountability_mode: 'enforced', on_critical: 'block' });
  const [found, calm] = [await startMission(operator, agent.id), await startMission(operator, agent.id)];
  const pid = platform.processes()['detectors'];
  platform.kill('detectors');
  const { body } = await checkout(calm.passport.jti);
  assert.deepEqual([body.review_status, body.reviewed, body.flags[0].type], ['flagged', false, 'review_pending']);
  assert.match(body.review_id, /^rev_/);
  assert.equal((await decide(body, { decision: 'confirmed' })).status, 200);
  await eventually(() => platform.processes()['detectors'] !== pid);
  await offScope(agent, found.passport.token);
  await eventually(
    async () => {
      const { body: review } = await operator('GET', `/v1/passports/reviews/${body.checkout_id}`);
      assert.deepEqual([review.review_status, review.flags, review.decision], ['clean', [], 'confirmed']);
    },
    { timeoutMs: 60_000 },
  );
  await eventually(async () => assert.equal((await operator('GET', `/v1/agents/${agent.id}`)).body.passport_blocked, true), {
    timeoutMs: 60_000,
  });
});

test('13. everything that ends many passports at once ends their runs in the record', async () => {
  const agent = await agentWith({ accountability_mode: 'logged' });
  const started = [await startMission(operator, agent.id), await startMission(operator, agent.id), await startMission(operator, agent.id)];
  await operator('POST', `/v1/passports/revoke-agent/${agent.id}`, { reason: 'all of them' });
  await eventually(async () => {
    const { items } = await reviews(`status=all&state=all&agent_id=${agent.id}`);
    assert.deepEqual(
      new Set(items.map((one: { passport_jti: string }) => one.passport_jti)),
      new Set(started.map(({ passport }) => passport.jti)),
    );
  });
});

test('13. pages of the queue are disjoint, newest first, and count the whole', async () => {
  // Reviews of what the tests before this one ended may still be opened: all is read again when the count has moved.
  await eventually(async () => {
    const all = await reviews('status=all&state=all&limit=100');
    assert.ok(all.total > 6);
    const pages = [];
    for (let page = 1; page <= Math.ceil(all.total / 3); page++) {
      const { items, total } = await reviews(`status=all&state=all&limit=3&page=${page}`);
      assert.equal(total, all.total);
      pages.push(...items);
    }
    const ids = pages.map(({ checkout_id }) => checkout_id);
    assert.deepEqual(
      ids,
      all.items.map(({ checkout_id }: { checkout_id: string }) => checkout_id),
    );
    assert.deepEqual(ids, [...ids].sort().reverse());
  });
});

test('13. the read model comes back the same from the log', async () => {
  const content = async (): Promise<string[]> =>
    (await database.query<{ row: string }>('select r::text as row from passports.review r order by 1')).rows.map(({ row }) => row);
  // Those that the detectors answered too late are corrected by a timer.
  const wanted = await eventually(async () => {
    const now = await content();
    return !now.some((row) => row.includes('review_pending')) && now;
  });
  await database.query(
    `begin; update passports.cursor set seq = 0 where name = 'model'; truncate passports.agent, passports.connection, passports.mission, passports.passport, passports.review; commit`,
  );
  platform.kill('passports');
  await eventually(async () => assert.deepEqual(await content(), wanted), { timeoutMs: 30_000, everyMs: 200 });
});

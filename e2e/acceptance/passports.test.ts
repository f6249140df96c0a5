/** Passports through the door (api.md §6; acceptance 6, 7, 9, 10, 11, and the report). What takes a minute begins at once and is looked at last. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Answer, type Api, apiOf } from '../support/api.ts';
import { assertRevoked, counted } from '../support/chains.ts';
import { withDatabase } from '../support/database.ts';
import { type TestOperator, testPlatform } from '../support/platform.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const platform = testPlatform();
let acme: TestOperator;
let upstream: Upstream;
let operator: Api;
let enforced: TestAgent;
let logged: TestAgent;
let standard: TestAgent;
let github: string;
/** Two that nobody tends. */
let silent: { passport: { jti: string; token: string; expires_at: string }; mission_id: string };
let short: { passport: { jti: string; token: string; expires_at: string }; mission_id: string };
let child: { jti: string; token: string };

before(async () => {
  [, upstream] = await Promise.all([platform.ready(), startUpstream()]);
  acme = await platform.newOperator();
  operator = acme.api;
  github = (await connectGithub(operator, upstream.url)).id;
  [enforced, logged, standard] = (await Promise.all(
    (['enforced', 'logged', 'standard'] as const).map((accountability_mode) =>
      enrolledAgent(operator, { name: `${accountability_mode}-agent`, accountability_mode }),
    ),
  )) as [TestAgent, TestAgent, TestAgent];
  silent = await startMission(operator, enforced.id, {}, { checkpoint_interval_seconds: 60, intent: { will_delegate: true } });
  short = await startMission(operator, logged.id, { expires_in_seconds: 86_400 }, { ttl_seconds: 60 });
  child = (
    await ok(
      operator('POST', '/v1/passports/delegate', {
        parent_passport_token: silent.passport.token,
        child_agent_id: enforced.id,
        ttl_seconds: 900,
      }),
      201,
    )
  ).body;
});
after(async () => {
  await upstream?.stop();
});

async function ok(answer: Promise<Answer>, status = 200): Promise<Answer> {
  const given = await answer;
  assert.equal(given.status, status, JSON.stringify(given.body));
  return given;
}

function refused({ status, body }: Answer): [number, string, unknown] {
  return [status, body.error?.code, body.error?.metadata.reason];
}

function call(agent: TestAgent, token: string, bearer = agent.jwt()): Promise<Answer> {
  const issue = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' };
  return apiOf(platform.baseUrl, bearer)('POST', '/v1/proxy', issue, { 'x-passport-token': token });
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const checkpoint = (jti: string, body: object = { services_used: ['github'], actions_count: 1 }, api = operator): Promise<Answer> =>
  api('POST', `/v1/passports/${jti}/checkpoint`, body);
const refresh = (token: string): Promise<Answer> => operator('POST', '/v1/passports/refresh', { token });

test('6. a passport has every claim of its form, lives 900 s or to its first checkpoint, and no shorter or longer than may be asked', async () => {
  const { passport, mission_id } = await startMission(operator, enforced.id);
  const { header, claims } = {
    header: JSON.parse(Buffer.from(passport.token.split('.')[0], 'base64url').toString()),
    claims: claimsOf(passport.token),
  };
  assert.deepEqual([header.alg, header.typ], ['EdDSA', 'passport+jwt']);
  const keys = (await apiOf(platform.baseUrl)('GET', '/v1/.well-known/jwks.json')).body.keys;
  assert.ok(keys.some((key: { kid: string }) => key.kid === header.kid));
  assert.deepEqual(Object.keys(claims).sort(), ['aud', 'cnf', 'exp', 'iat', 'iss', 'jti', 'nbf', 'stk', 'sub']);
  assert.deepEqual(Object.keys(claims.stk).sort(), [
    'accountability',
    'agent_id',
    'agent_name',
    'checkpoint_interval',
    'delegation_depth',
    'identity_claims',
    'intent_services',
    'intent_summary',
    'mission_ids',
    'operator_id',
    'services',
    'session_id',
  ]);
  assert.deepEqual([claims.stk.mission_ids, claims.sub, claims.exp - claims.iat], [[mission_id], enforced.id, 300]);
  const [service] = claims.stk.services;
  assert.deepEqual(
    [service.connection_id, service.service_id, service.service_name, service.resources],
    [github, github, 'github', ['acme/sandbox']],
  );

  const life = async (agent: TestAgent, fields: Record<string, unknown>): Promise<number> => {
    const { passport: made } = await startMission(operator, agent.id, { expires_in_seconds: 7200 }, fields);
    const { iat, exp } = claimsOf(made.token);
    return exp - iat;
  };
  assert.equal(await life(logged, {}), 900);
  assert.equal(await life(enforced, { ttl_seconds: 120, checkpoint_interval_seconds: 300 }), 120);
  for (const [preset, seconds] of Object.entries({ frequent: 120, standard: 300, relaxed: 900, marathon: 3600, '5m': 300 }))
    assert.equal(await life(enforced, { ttl_seconds: 3600, checkpoint_interval_seconds: preset }), seconds, preset);
  for (const passport_fields of [
    { ttl_seconds: 59 },
    { ttl_seconds: 3601 },
    { checkpoint_interval_seconds: '2h' },
    { checkpoint_interval_seconds: 'often' },
  ]) {
    const mission = { intent_summary: 'x' };
    const answer = await operator('POST', '/v1/missions/start', { agent_id: logged.id, mission, passport: passport_fields });
    assert.equal(answer.body.error?.code, 'INVALID_REQUEST', JSON.stringify(passport_fields));
  }
});

test('an issue that asks for what it may not have is refused in the words that are written for it, and its older forms mean the same', async () => {
  const intent = { summary: 'Triage acme/sandbox', services: ['github'] };
  const issue = (body: object, by: Api = operator): Promise<Answer> =>
    by('POST', '/v1/passports/issue', { agent_id: logged.id, intent, ...body });
  const { mission_id } = await startMission(operator, logged.id);
  const foreign = await startMission(operator, enforced.id);
  for (const [body, ...wanted] of [
    [{ intent: null }, 400, 'ACCOUNTABILITY_REQUIRED', undefined],
    [{ mission_ids: [foreign.mission_id] }, 403, 'FORBIDDEN', 'mission_agent'],
    [{ mission_ids: ['ms_01kt16jphrfacb42v78k230hbe'] }, 404, 'MISSION_ENDED', undefined],
    [{ mission_ids: [mission_id], intent: { services: ['slack'] } }, 400, 'SCOPE_ESCALATION', undefined],
    [{ scopes: [{ service_connection_id: github, scopes: ['admin:org'] }] }, 400, 'SCOPE_ESCALATION', undefined],
    [{ services: ['slack'] }, 403, 'FORBIDDEN', 'service_not_granted'],
  ] as const)
    assert.deepEqual(refused(await issue(body)), wanted, JSON.stringify(body));
  const long = Array.from({ length: 32 }, (_, i) => ({ path: `body.f${i}`, op: 'eq', value: 'v'.repeat(1_000) }));
  for (const [body, path] of [
    [{ accountability_mode: 'standard' }, 'accountability_mode'],
    [{ mission_ids: [mission_id, foreign.mission_id] }, 'mission_ids'],
    [{ identity_claim_ids: ['clm_1'] }, 'identity_claim_ids'],
    [{ authority_binding_ids: ['bnd_1'] }, 'authority_binding_ids'],
    [{ intent: { ...intent, estimated_duration_seconds: 604_801 } }, 'intent'],
    [{ intent: 'Triage acme/sandbox', intent_description: 'Something else' }, 'intent'],
    [{ scopes: [{ service: 'github', constraints: long }] }, 'scopes'],
    [{ scopes: [{ service: 'github', constraint: [] }] }, 'scopes'],
  ] as const) {
    const answer = await issue(body);
    assert.deepEqual(refused(answer).slice(0, 2), [400, 'INVALID_REQUEST'], JSON.stringify(body));
    const [field] = answer.body.error.metadata.fields;
    assert.ok(field.path.startsWith(path), JSON.stringify([body, field]));
  }
  const own = await issue({ agent_id: enforced.id }, apiOf(platform.baseUrl, logged.jwt()));
  assert.deepEqual(refused(own), [403, 'FORBIDDEN', 'own_objects_only']);
  const twice = [{ path: 'method', op: 'eq', value: 'GET' }];
  for (const body of [
    { intent: 'Triage acme/sandbox', intent_services: ['github'] },
    { intent: undefined, intent_description: 'Triage acme/sandbox', services: ['github'] },
    { scopes: ['repo'] },
    { scopes: [{ service_connection_id: github }], identity_claim_ids: [], authority_binding_ids: [], accountability_mode: 'logged' },
  ]) {
    const { token } = (await ok(issue(body), 201)).body;
    const { stk } = claimsOf(token);
    assert.deepEqual([stk.intent_summary, stk.intent_services], ['Triage acme/sandbox', ['github']], JSON.stringify(body));
    assert.deepEqual(
      stk.services.map((one: { connection_id: string; scopes: string[] }) => [one.connection_id, one.scopes]),
      [[github, ['repo']]],
    );
  }
  const narrowed = (
    await ok(issue({ accountability_mode: 'enforced', scopes: [{ service: 'github', constraints: [...twice, ...twice] }] }), 201)
  ).body;
  assert.deepEqual([narrowed.accountability, claimsOf(narrowed.token).stk.services[0].constraints], ['enforced', twice]);
  assert.equal(narrowed.next_checkpoint_by, narrowed.expires_at);
  const plain = (await ok(issue({ agent_id: standard.id, intent: null, services: ['github'] }), 201)).body;
  assert.deepEqual(
    [plain.accountability, plain.next_checkpoint_by, claimsOf(plain.token).stk.intent_summary],
    ['standard', null, undefined],
  );
});

test('7. a bound passport causes no traffic with the operator key, or with another agent in possession of it', async () => {
  const { passport } = await startMission(operator, enforced.id);
  const seen = upstream.connections();
  assert.deepEqual(refused(await call(enforced, passport.token, acme.api_key)), [401, 'UNAUTHORIZED', 'proof_of_possession_required']);
  assert.deepEqual(refused(await call(logged, passport.token)), [401, 'UNAUTHORIZED', 'proof_of_possession_mismatch']);
  assert.equal(upstream.connections(), seen);
  assert.equal((await call(enforced, passport.token)).status, 200);
});

test('9. a checkpoint moves the expiry by its own time and signs anew; the older token goes on; standard mode has none', async () => {
  const { passport } = await startMission(operator, enforced.id, {}, { checkpoint_interval_seconds: 120 });
  const { body } = await ok(checkpoint(passport.jti));
  const soon = await checkpoint(passport.jti);
  assert.deepEqual(Object.keys(body).filter((key) => ['checkpoint_id', 'passport_jti', 'new_expires_at', 'flags'].includes(key)).length, 4);
  assert.equal(Date.parse(body.new_expires_at) - Date.parse(body.recorded_at), 120_000);
  assert.ok(Date.parse(body.new_expires_at) > Date.parse(passport.expires_at));
  assert.deepEqual(
    [claimsOf(body.token).jti, claimsOf(body.token).exp],
    [passport.jti, Math.floor(Date.parse(body.new_expires_at) / 1000)],
  );
  for (const token of [passport.token, body.token]) assert.equal((await call(enforced, token)).status, 200);
  assert.deepEqual([soon.status, soon.body.error.code, Number(soon.headers.get('retry-after')) > 0], [429, 'RATE_LIMITED', true]);

  const { passport: plain } = await startMission(operator, standard.id);
  assert.deepEqual(refused(await checkpoint(plain.jti)).slice(0, 2), [404, 'CHECKPOINT_NOT_AVAILABLE']);
  const { passport: advisory } = await startMission(operator, logged.id);
  const told = await ok(checkpoint(advisory.jti, { services_used: ['github', 'notion'], actions_count: 1 }));
  assert.deepEqual([told.body.revoked, told.body.new_expires_at], [false, null]);
  const off = await eventually(() => ok(checkpoint(passport.jti, { services_used: ['notion'], actions_count: 0 })), { everyMs: 250 });
  assert.deepEqual([off.body.revoked, off.body.token, off.body.flags], [true, null, ['credential_outside_scope']]);
  await assertRevoked([() => call(enforced, passport.token)], 'credential_outside_scope_fire: checkpoint_declared');
});

test('9. where the operator accepts them, checkpoints of standard passports are kept without flags and move nothing', async () => {
  const accepting = (standard_checkpoints: string): Promise<Answer> =>
    operator('PATCH', '/v1/operator', { settings: { standard_checkpoints } });
  const { passport } = await startMission(operator, standard.id);
  await ok(accepting('accept'));
  const own = apiOf(platform.baseUrl, standard.jwt());
  const { body } = await ok(checkpoint(passport.jti, { services_used: ['notion'], actions_count: 3, summary: 'half done' }, own));
  assert.deepEqual([body.flags, body.new_expires_at, body.token, body.revoked, body.checkpoint], [[], null, null, false, 1]);
  assert.equal((await ok(operator('GET', `/v1/passports/${passport.jti}`))).body.expires_at, passport.expires_at);
  const [row] = await eventually(async () => {
    const { entries } = (await ok(operator('GET', `/v1/audit?passport_jti=${passport.jti}&action=passport.checkpoint`))).body;
    assert.equal(entries.length, 1);
    return entries;
  });
  assert.deepEqual([row.entry_id, row.metadata.summary, row.metadata.actions_count], [body.claim_id, 'half done', 3]);
  assert.equal((await call(standard, passport.token)).status, 200);
  await ok(accepting('refuse'));
  assert.deepEqual(refused(await checkpoint(passport.jti)).slice(0, 2), [404, 'CHECKPOINT_NOT_AVAILABLE']);
});

test('11. the old jti of a refresh is superseded at once, and revoking it revokes the new one; after its mission the words of the client come first', async () => {
  const { passport, mission_id } = await startMission(operator, logged.id);
  // The gateway knows it now, and is not asked to forget.
  assert.equal((await call(logged, passport.token)).status, 200);
  const refreshed = await ok(refresh(passport.token), 201);
  const next = refreshed.body;
  assert.equal(next.superseded, passport.jti);
  await assertRevoked([() => call(logged, passport.token)], 'superseded');
  assert.equal((await call(logged, next.token)).status, 200);
  await counted(operator, refreshed);
  const revoked = await ok(operator('POST', '/v1/passports/revoke', { jti: passport.jti, reason: 'off-script' }));
  assert.deepEqual(revoked.body.cascaded, [next.jti]);
  await assertRevoked([() => call(logged, next.token)], 'off-script');
  await ok(operator('POST', `/v1/missions/${mission_id}/complete`, {}));
  const late = await refresh(next.token);
  assert.deepEqual([late.status, late.body.error.code], [403, 'MISSION_ENDED']);
  assert.match(late.body.error.message, new RegExp(`^Mission ${mission_id} is completed`));
  const once = await operator(
    'POST',
    '/v1/passports/refresh',
    { token: (await startMission(operator, logged.id)).passport.token },
    { 'idempotency-key': 'refresh-1' },
  );
  assert.equal(once.status, 201);
});

test('a report has exactly the five keys, says what was declared and done, and stays when the passport is over', async () => {
  const started = await startMission(
    operator,
    enforced.id,
    {},
    { intent: { summary: 'Triage open issues in acme/sandbox', estimated_duration_seconds: 60 } },
  );
  const { jti, token } = started.passport;
  assert.equal((await call(enforced, token)).status, 200);
  const live = (await ok(operator('GET', `/v1/passports/${jti}/report`))).body;
  assert.deepEqual(Object.keys(live).sort(), ['checkout', 'checkpoints', 'intent', 'passport', 'review']);
  assert.deepEqual([live.passport.provisional, live.checkout, live.review, live.intent.estimated_duration_s], [true, null, null, 60]);
  await ok(checkpoint(jti));
  const body = { services_used: ['github'], actions_count: 1, summary: 'done' };
  await ok(operator('POST', `/v1/passports/${jti}/checkout`, body));
  const own = apiOf(platform.baseUrl, enforced.jwt());
  const report = await eventually(async () => {
    const { body: final } = await ok(own('GET', `/v1/passports/${jti}/report`));
    assert.equal(final.passport.activity.by_status['200'], 1);
    return final;
  });
  assert.deepEqual(
    [report.passport.provisional, report.passport.status, report.passport.end_reason],
    [false, 'checked_out', 'checked_out'],
  );
  assert.deepEqual([report.checkpoints.length, report.checkout.actions_count, report.checkout.outcome], [1, 1, 'success']);
  const compared = Object.fromEntries(
    report.passport.declared_vs_actual.map((one: { item: string; verdict: string; actual: unknown }) => [one.item, one]),
  );
  assert.deepEqual([compared['services'].verdict, compared['services'].actual, compared['actions'].actual], ['as_declared', ['github'], 1]);
  assert.match(report.passport.report_hash, /^[0-9a-f]{64}$/);
  assert.ok(report.passport.timeline.some(({ type }: { type: string }) => type === 'checkpoint.recorded'));
  const other = await apiOf(platform.baseUrl, logged.jwt())('GET', `/v1/passports/${jti}/report`);
  assert.equal(other.status, 404);

  const evidence = async (): Promise<unknown> => (await ok(operator('GET', `/v1/passports/${jti}/report`))).body.passport.audit.chain_valid;
  assert.equal(await evidence(), true);
  await withDatabase(platform.constellation, async (database) => {
    const edit = (from: string, to: string): Promise<unknown> =>
      database.query(`update audit.rows set row = replace(row::text, $2, $3)::json where passport_jti = $1`, [jti, from, to]);
    await edit('"service":"github"', '"service":"gitlab"');
    assert.equal(await evidence(), false);
    await edit('"service":"gitlab"', '"service":"github"');
    assert.equal(await evidence(), true);
  });
});

test('10. a missed checkpoint is an expired passport without grace: no call, no checkpoint, no refresh, and what is below it is dead', async () => {
  const { jti, token, expires_at } = silent.passport;
  await eventually(async () => assert.deepEqual(refused(await call(enforced, token)).slice(0, 2), [401, 'PASSPORT_EXPIRED']), {
    timeoutMs: 70_000,
    everyMs: 250,
  });
  assert.ok(Date.now() >= Date.parse(expires_at));
  assert.deepEqual(refused(await checkpoint(jti)).slice(0, 2), [401, 'PASSPORT_EXPIRED']);
  assert.deepEqual(refused(await refresh(token)).slice(0, 2), [401, 'PASSPORT_EXPIRED']);
  const rows = await eventually(async () => {
    const { body } = await ok(operator('GET', `/v1/audit?passport_jti=${jti}&action=passport.lapse`));
    assert.equal(body.entries.length, 1);
    return body.entries;
  });
  assert.equal(rows[0].metadata.reason, 'no_checkpoint');
  // Its own time would have gone on for as long as the parent was older: it is revoked with its parent, and has not lapsed, however late anybody looks.
  await eventually(async () => {
    const { body } = await ok(operator('GET', `/v1/passports/${child.jti}`));
    assert.deepEqual([body.status, body.revoke_reason], ['revoked', 'checkpoint_silence: lapsed']);
  });
  const own = await ok(operator('GET', `/v1/audit?passport_jti=${child.jti}&action=passport.lapse`));
  assert.deepEqual(own.body.entries, []);
  // Its mission ends with it, a little later.
  await eventually(async () => assert.deepEqual(refused(await refresh(child.token)).slice(0, 2), [403, 'MISSION_ENDED']));
});

test('11. a logged passport that has expired is refreshed while its mission lives', async () => {
  const { token } = short.passport;
  await eventually(async () => assert.deepEqual(refused(await call(logged, token)).slice(0, 2), [401, 'PASSPORT_EXPIRED']), {
    timeoutMs: 70_000,
    everyMs: 250,
  });
  const next = (await ok(refresh(token), 201)).body;
  assert.equal((await call(logged, next.token)).status, 200);
  await ok(operator('POST', `/v1/missions/${short.mission_id}/revoke`, { reason: 'operator_initiated_clean' }));
  assert.match((await refresh(next.token)).body.error.message, /^Mission ms_\w+ is revoked/);
});

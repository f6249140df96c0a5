/**
 * Revocation where something is amiss (api.md §11; acceptance 13): clocks an hour apart, the consumer of cascades stopped, an owner that is silent, a log that takes
 * nothing. Two gateways; where `faketime` is there, one of them and three services live an hour off from the start.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api } from '@sallyport/bus/api.ts';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { requires } from '@sallyport/testing/requires.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { movedClocksOf } from '../faults/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Answer, type Api, readSince } from '../support/api.ts';
import { assertRevoked, callIssues, cameTo, chainOf, type HeldPassport, outcomeOf } from '../support/chains.ts';
import { withDatabase } from '../support/database.ts';
import { testPlatform } from '../support/platform.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

interface Acme {
  api: Api;
  agents: TestAgent[];
}

const faketime = await requires('faketime');
const platform = testPlatform({ gateways: 2, environment: movedClocksOf(faketime) });
const GATEWAYS = [0, 1];
let upstream: Upstream;
before(async () => {
  upstream = await startUpstream();
});
after(() => upstream?.stop());

/** An operator with so many agents and a connection. */
async function acme(count: number): Promise<Acme> {
  const { api: operator } = await platform.newOperator();
  await connectGithub(operator, upstream.url);
  const agents = Array.from({ length: count }, (_, i) => enrolledAgent(operator, { name: `agent-${i}`, accountability_mode: 'logged' }));
  return { api: operator, agents: await Promise.all(agents) };
}

async function ok(answer: Promise<Answer>, status = 200): Promise<Answer['body']> {
  const given = await answer;
  assert.equal(given.status, status, JSON.stringify(given.body));
  return given.body;
}

const call = (gateway: number, by: TestAgent | undefined, passport: { token: string } | undefined, more = ''): Promise<Answer> =>
  callIssues(platform.gateways[gateway] ?? '', by ?? assert.fail(), passport ?? assert.fail(), 'GET', more);

/** Every passport of a chain at every gateway. */
const calls = (agents: readonly TestAgent[], passports: readonly HeldPassport[]): (() => Promise<Answer>)[] =>
  passports.flatMap((passport, hop) => GATEWAYS.map((gateway) => () => call(gateway, agents[hop], passport)));

async function outcomes(agents: readonly TestAgent[], passports: readonly HeldPassport[]): Promise<unknown[][]> {
  return Promise.all(calls(agents, passports).map(cameTo));
}

const all = (passports: readonly unknown[], outcome: unknown[]): unknown[][] => passports.flatMap(() => GATEWAYS.map(() => outcome));

/** While it stands still, nothing is read from or written to it. */
async function whilePaused<T>(name: string, work: () => Promise<T>): Promise<T> {
  const pid = platform.constellation.processes()[name] ?? assert.fail(`no process ${name}`);
  await pauseProcess(pid);
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

test('13. with the consumer of cascades stopped, all five of a chain are dead at every gateway; its four rows follow when it goes on', async () => {
  const { api: operator, agents } = await acme(5);
  const passports = await chainOf(operator, agents);
  assert.deepEqual(await outcomes(agents, passports), all(passports, [200]));
  const [root] = passports;
  const below = passports.slice(1).map(({ jti }) => jti);
  const cascades = async (): Promise<string[]> =>
    (await ok(operator('GET', '/v1/audit?limit=100&action=passport.revoke_cascade'))).entries.map(
      (row: { passport_jti: string }) => row.passport_jti,
    );
  const { passport: decoy } = await startMission(operator, agents[0]?.id ?? assert.fail());
  await withDatabase(platform.constellation, async (client) => {
    await client.query("begin; select seq from passports.cursor where name = 'cascade' for update");
    // It acts before it moves its cursor: it stands still behind what another revocation led to.
    await ok(operator('POST', '/v1/passports/revoke', { jti: decoy.jti, reason: 'decoy' }));
    await eventually(async () => {
      const waiting = await client.query(
        'select 1 from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()',
      );
      assert.ok((waiting.rowCount ?? 0) > 0, 'the consumer waits for its cursor');
    });
    const revoked = await operator('POST', '/v1/passports/revoke', { jti: root?.jti, reason: 'off-script' });
    assert.deepEqual([revoked.status, revoked.body.cascaded], [200, below]);
    assert.deepEqual([revoked.body.propagation.gateways, revoked.body.propagation.acknowledged], [2, 2]);
    await assertRevoked(calls(agents, passports), 'off-script');
    for (const { token } of passports) {
      const { code, reason } = await ok(platform.api()('POST', '/v1/passports/verify', { token }));
      assert.deepEqual([code, reason], ['PASSPORT_REVOKED', 'off-script']);
    }
    await ok(readSince(operator, '/v1/audit?limit=1', revoked));
    assert.deepEqual(await cascades(), []);
    for (const child of passports.slice(1))
      assert.equal((await ok(operator('GET', `/v1/missions/${child.mission_id}`))).status, 'open', 'nobody has explained it yet');
    await client.query('rollback');
  });
  await eventually(async () => assert.deepEqual(new Set(await cascades()), new Set(below)));
  assert.equal((await cascades()).length, 4);
  for (const child of passports.slice(1))
    await eventually(async () => assert.equal((await ok(operator('GET', `/v1/missions/${child.mission_id}`))).status, 'revoked'));
});

test('13. with clocks an hour apart, a chain dies with its root, and what is issued after stands', { skip: faketime.skip }, async () => {
  const { api: operator, agents } = await acme(5);
  const passports = await chainOf(operator, agents);
  assert.deepEqual(await outcomes(agents, passports), all(passports, [200]));
  await ok(operator('POST', '/v1/passports/revoke', { jti: passports[0]?.jti, reason: 'off-script' }));
  await assertRevoked(calls(agents, passports), 'off-script');
  const next = await chainOf(operator, agents);
  assert.deepEqual(await outcomes(agents, next), all(next, [200]));
  for (const [path, reason] of [
    [`revoke-agent/${agents[0]?.id}`, 'agent'],
    ['revoke-all', 'all'],
  ] as const) {
    const before = await chainOf(operator, agents);
    await ok(operator('POST', `/v1/passports/${path}`, { reason }));
    const later = await chainOf(operator, agents);
    await assertRevoked(calls(agents, before), reason);
    assert.deepEqual(await outcomes(agents, later), all(later, [200]));
  }
});

test('13. a passport issued while its agent is revoked is dead, or stands behind the revocation, whatever the clocks say', async () => {
  const { api: operator, agents } = await acme(1);
  const [by] = agents;
  const declared = { agent_id: by?.id, intent: { summary: 'Triage acme/sandbox', services: ['github'] } };
  for (let round = 0; round < 25; round++) {
    await ok(operator('POST', '/v1/passports/issue', declared), 201);
    const [issued, revoked] = await Promise.all([
      operator('POST', '/v1/passports/issue', declared),
      operator('POST', `/v1/passports/revoke-agent/${by?.id}`, { reason: 'race' }),
    ]);
    assert.deepEqual([issued.status, revoked.status, revoked.body.already_revoked], [201, 200, false]);
    const behind = Number(issued.headers.get('x-event-seq')) > Number(revoked.headers.get('x-event-seq'));
    for (const gateway of GATEWAYS) {
      const one = (): Promise<Answer> => call(gateway, by, issued.body);
      if (behind) assert.deepEqual(await cameTo(one), [200]);
      else await assertRevoked([one], 'race');
    }
  }
});

test('13. a passport that a gateway keeps and the log calls dead is 401 while its owner is silent, however it died', async () => {
  const { api: operator, agents } = await acme(7);
  const [live, ...others] = await Promise.all(agents.map((agent) => startMission(operator, agent.id)));
  const [single, byAgent, bySession, completed, refreshed, checkedOut] = others;
  const met = [live, ...others].map(({ passport }, index) => ({ by: agents[index], passport }));
  for (const { by, passport } of met)
    for (const gateway of GATEWAYS) assert.deepEqual(await cameTo(() => call(gateway, by, passport)), [200]);
  const unmet = (await startMission(operator, agents[0]?.id ?? '')).passport;

  await ok(operator('POST', '/v1/passports/revoke', { jti: single.passport.jti }));
  await ok(operator('POST', `/v1/passports/revoke-agent/${byAgent.passport.agent_id}`));
  await ok(operator('POST', `/v1/passports/revoke-session/${bySession.passport.session_id}`));
  await ok(operator('POST', `/v1/missions/${completed.mission_id}/complete`));
  await ok(operator('POST', '/v1/passports/refresh', { token: refreshed.passport.token }), 201);
  await ok(operator('POST', `/v1/passports/${checkedOut.passport.jti}/checkout`));
  const seen = upstream.seen.length;
  const answers = await whilePaused('passports', () =>
    Promise.all([
      ...met.slice(1).flatMap(({ by, passport }) => GATEWAYS.map((gateway) => call(gateway, by, passport))),
      call(0, agents[0], unmet),
      call(1, agents[0], live.passport),
    ]),
  );
  const [stale, passed] = answers.splice(-2);
  for (const answer of answers) assert.deepEqual(outcomeOf(answer).slice(0, 2), [401, 'PASSPORT_REVOKED']);
  assert.deepEqual(outcomeOf(stale ?? assert.fail()).slice(0, 2), [503, 'REVOCATION_STATE_STALE']);
  assert.deepEqual(outcomeOf(passed ?? assert.fail()), [200]);
  assert.equal(upstream.seen.length, seen + 1);
});

test('13. with a log that takes nothing, a revocation answers 503, and every gateway cuts what runs and lets nothing pass until it is repeated', async () => {
  const [{ api: operator, agents }, other] = [await acme(2), await acme(1)];
  const passports = await chainOf(operator, agents);
  const stranger = await chainOf(other.api, other.agents);
  assert.deepEqual(await outcomes(agents, passports), all(passports, [200]));
  assert.deepEqual(await outcomes(other.agents, stranger), all(stranger, [200]));
  const reached = Promise.withResolvers<void>();
  let open = 0;
  upstream.routes.set('/repos/acme/sandbox/issues/9', () => {
    if (++open === 2) reached.resolve();
  });
  const flying = GATEWAYS.map((gateway) => call(gateway, agents[1], passports[1], '/9'));
  await reached.promise;

  const admin = await platform.bus('admin');
  const { config, state } = await api<{ config: object; state: { bytes: number } }>(admin, 'STREAM.INFO.LEDGER');
  await api(admin, 'STREAM.UPDATE.LEDGER', { ...config, max_bytes: state.bytes }, 5_000);
  const refused = await operator('POST', '/v1/passports/revoke', { jti: passports[0]?.jti, reason: 'off-script' });
  const cut = await Promise.all(flying);
  await api(admin, 'STREAM.UPDATE.LEDGER', config, 5_000);
  assert.deepEqual(outcomeOf(refused).slice(0, 2), [503, 'AUDIT_UNAVAILABLE']);
  for (const { status, body } of cut)
    assert.deepEqual([status, body.error?.code, body.error?.metadata.upstream_may_have_completed], [401, 'PASSPORT_REVOKED', true]);

  // The log has room again, and nobody has told it anything: what the gateways heard holds, for this operator alone.
  await eventually(async () => assert.deepEqual(await outcomes(other.agents, stranger), all(stranger, [200])));
  for (const [status, code] of await outcomes(agents, passports)) assert.deepEqual([status, code], [401, 'PASSPORT_REVOKED']);
  const repeated = await ok(operator('POST', '/v1/passports/revoke', { jti: passports[0]?.jti, reason: 'off-script' }));
  assert.deepEqual([repeated.already_revoked, repeated.cascaded], [false, [passports[1]?.jti]]);
  await assertRevoked(calls(agents, passports), 'off-script');
  const next = await chainOf(operator, agents);
  assert.deepEqual(await outcomes(agents, next), all(next, [200]));
});

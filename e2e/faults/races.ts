/** Two things at once at two gateways (architecture, "The log decides"): each round starts both requests in one turn of the event loop. */
import assert from 'node:assert/strict';
import { type TestAgent } from '../support/agent.ts';
import { apiOf } from '../support/api.ts';
import { type ClientCall, type ClientCommand, indexOf } from './checker.ts';
import { pause } from './load.ts';
import { agentAcross, at, enrolledAgent, plainAgent, send, startMission, type World } from './world.ts';

/** The shortest interval that there is. */
const INTERVAL_MS = 60_000;
const BEFORE_MS = 15_000;

const reached = (world: World, digest: string): number => world.upstream.log.filter((call) => call.digest === digest).length;
const isDone = (call: ClientCall): boolean => call.status === 200;
const told = (calls: ClientCall[]): string => calls.map(({ status, code, reason }) => `${status} ${code} ${reason}`).join(' | ');

/** Two gateways, other ones each round. */
function pair(world: World, round: number): [number, number] {
  const count = world.operators.length;
  return [round % count, (round + 1 + (Math.floor(round / count) % (count - 1))) % count];
}

const UNDECIDED = 3;

const isUndecided = ({ status, code }: ClientCall): boolean =>
  status === 503 && (code === 'AUDIT_UNAVAILABLE' || code === 'REVOCATION_STATE_STALE');

/** The log did not take a record in time, or was not followed in time, which says nothing about a race: then there is another. `again` makes one anew. */
async function decided(again: () => Promise<ClientCall[]>): Promise<ClientCall[]> {
  let calls = await again();
  for (let tries = 0; tries < UNDECIDED && calls.some(isUndecided); tries++) calls = await again();
  return calls;
}

async function heard(again: () => Promise<ClientCall>): Promise<ClientCall> {
  const [call] = await decided(async () => [await again()]);
  return call ?? assert.fail('no call');
}

/** The same operation id, the same call: exactly one at the upstream. */
export async function sameOperation(world: World, rounds: number): Promise<void> {
  const agent = await plainAgent(at(world.operators, 0), 'race-operation');
  const { passport } = await startMission(at(world.operators, 0), agent, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
  for (let round = 0; round < rounds; round++) {
    const calls = await decided(() => {
      const marker = world.marker('race');
      const what = { token: passport.token, bearer: world.platform.apiKey, method: 'POST' as const, marker, operation: true };
      return Promise.all(pair(world, round).map((gateway) => send(world, gateway, what)));
    });
    world.calls.push(...calls);
    assert.equal(reached(world, calls[0]?.digest ?? ''), 1, told(calls));
    assert.ok(calls.some(isDone), told(calls));
    for (const call of calls) assert.ok(isDone(call) || (call.status === 409 && call.code === 'CONFLICT'), told(calls));
  }
}

/** Two different calls in a mission that may make one: exactly one goes. */
export async function capOfOne(world: World, rounds: number): Promise<void> {
  const agent = await plainAgent(at(world.operators, 0), 'race-cap');
  for (let round = 0; round < rounds; round++) {
    const calls = await decided(async () => {
      const { passport } = await startMission(at(world.operators, round), agent, { max_actions: 1 });
      const what = { token: passport.token, bearer: world.platform.apiKey, method: 'POST' as const };
      return Promise.all(pair(world, round).map((gateway) => send(world, gateway, what)));
    });
    assert.deepEqual(calls.map(({ status }) => status).sort(), [200, 403], told(calls));
    assert.equal(calls.find(({ status }) => status === 403)?.reason, 'mission_cap', told(calls));
    assert.equal(
      calls.reduce((sum, { digest }) => sum + reached(world, digest), 0),
      1,
    );
  }
}

/** One agent JWT for two different calls: exactly one goes. */
export async function sameToken(world: World, rounds: number): Promise<void> {
  const agent = await enrolledAgent(at(world.operators, 0), { name: 'race-token', accountability_mode: 'logged' });
  const { passport } = await startMission(at(world.operators, 0), agent.id, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
  for (let round = 0; round < rounds; round++) {
    const calls = await decided(() => {
      const what = { token: passport.token, bearer: agent.jwt(), method: 'POST' as const };
      return Promise.all(pair(world, round).map((gateway) => send(world, gateway, what)));
    });
    assert.deepEqual(calls.map(({ status }) => status).sort(), [200, 401], told(calls));
    assert.equal(calls.find(({ status }) => status === 401)?.reason, 'jti_replayed');
    assert.equal(
      calls.reduce((sum, { digest }) => sum + reached(world, digest), 0),
      1,
    );
  }
}

/** One agent JWT for a call and for a control write: exactly one of them takes effect. */
export async function tokenAndCommand(world: World, rounds: number): Promise<void> {
  const agent = await enrolledAgent(at(world.operators, 0), { name: 'race-command', accountability_mode: 'logged' });
  const { passport } = await startMission(at(world.operators, 0), agent.id, { expires_in_seconds: 7200 }, { ttl_seconds: 3600 });
  const opened: ClientCommand[] = [];
  for (let round = 0; round < rounds; round++) {
    const [a, b] = pair(world, round);
    const bearer = agent.jwt();
    const name = world.marker('command');
    const open = apiOf(at(world.platform.gateways, b), bearer);
    const [call, answer] = await Promise.all([
      send(world, a, { token: passport.token, bearer, method: 'POST' }),
      open('POST', '/v1/missions', { intent_summary: name }),
    ]);
    if (isUndecided(call) || answer.status === 503) {
      world.commands.push({ type: 'mission.opened', name, id: answer.status === 201 ? answer.body.mission_id : null });
      continue;
    }
    const took = answer.status === 201;
    opened.push({ type: 'mission.opened', name, id: took ? answer.body.mission_id : null });
    assert.deepEqual([call.status, answer.status].sort(), took ? [201, 401] : [200, 401], JSON.stringify(answer.body));
    assert.equal(reached(world, call.digest), took ? 0 : 1);
  }
  world.commands.push(...opened);
  const facts = (await world.witness.stream()).flatMap((message) => message.facts);
  const names = new Set(facts.filter(({ type }) => type === 'mission.opened').map(({ data }) => data['intent_summary']));
  for (const { name, id } of opened) assert.equal(names.has(name), id !== null, name);
}

export interface Raced {
  went: number;
  refused: number;
  /** Of the refused: recorded, and found behind the revocation when the record was read back. */
  behind: number;
}

const LEAST_OF_EACH = 0.15;
const FIRST_LEAD_MS = 10;
const LEAD_STEP_MS = 2;
const LONGEST_STEP_MS = 128;
/** So many times the same is still chance. */
const EVEN_STREAK = 3;
const LEAD_SPREAD_MS = 4;

/**
 * A call and the revocation of its passport: none goes whose record stands behind the revocation; afterwards every gateway refuses. How much later the call
 * starts follows the outcomes, by steps that grow until they turn, so that each stays about as frequent as the other however fast the machine is: otherwise
 * there would be no race.
 */
export async function againstRevocation(world: World, rounds: number): Promise<Raced> {
  const agent = await plainAgent(at(world.operators, 0), 'race-revocation');
  const raced: { call: ClientCall; jti: string }[] = [];
  let lead = FIRST_LEAD_MS;
  let [way, streak] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const [a, b] = pair(world, round);
    const { passport } = await startMission(at(world.operators, b), agent);
    const what = { token: passport.token, bearer: world.platform.apiKey, method: 'GET' as const };
    assert.equal((await heard(() => send(world, a, what))).status, 200);
    const offset = lead + (world.random() * 2 - 1) * LEAD_SPREAD_MS;
    const [call, revoked] = await Promise.all([
      later(offset).then(() => send(world, a, what)),
      later(-offset).then(() => at(world.operators, b)('POST', '/v1/passports/revoke', { jti: passport.jti, reason: 'race' })),
    ]);
    assert.equal(revoked.status, 200, JSON.stringify(revoked.body));
    assert.ok(call.status === 200 || isUndecided(call) || (call.status === 401 && call.code === 'PASSPORT_REVOKED'), told([call]));
    assert.ok(reached(world, call.digest) <= 1);
    const next = reached(world, call.digest) > 0 ? 1 : -1;
    [way, streak] = [next, next === way ? streak + 1 : 1];
    lead += way * Math.min(LEAD_STEP_MS * 2 ** Math.max(0, streak - EVEN_STREAK), LONGEST_STEP_MS);
    const after = await Promise.all(world.operators.map((_, gateway) => heard(() => send(world, gateway, what))));
    for (const one of after) assert.deepEqual([one.status, one.code], [401, 'PASSPORT_REVOKED'], told(after));
    // Refused because the log was slow, not because of the revocation: no race.
    if (!isUndecided(call)) raced.push({ call, jti: passport.jti });
  }
  return judgeRevocations(world, raced);
}

async function judgeRevocations(world: World, raced: readonly { call: ClientCall; jti: string }[]): Promise<Raced> {
  const messages = await world.witness.stream();
  const index = indexOf(messages);
  const revocations = new Map<string, number>();
  for (const { seq, facts } of messages)
    for (const { type, data } of facts) if (type === 'passport.revoked') revocations.set(String(data['target']), seq);
  const outcome = { went: 0, refused: 0, behind: 0 };
  for (const { call, jti } of raced) {
    const [record] = index.byDigest.get(call.digest) ?? [];
    if (reached(world, call.digest) === 0) {
      outcome.refused++;
      if (record) outcome.behind++;
      continue;
    }
    outcome.went++;
    assert.ok((record?.seq ?? Infinity) < (revocations.get(jti) ?? 0), `${jti}: a call went whose record stands behind its revocation`);
  }
  const least = Math.floor(raced.length * LEAST_OF_EACH);
  assert.ok(Math.min(outcome.went, outcome.refused) >= least, `not a race: ${JSON.stringify(outcome)}`);
  return outcome;
}

/** In this turn of the event loop when there is nothing to wait for. */
function later(ms: number): Promise<void> {
  return ms > 0 ? pause(ms) : Promise.resolve();
}

/** What was written at one gateway is used at another at once: never 401, 403 or 404 without reason. */
export async function usedElsewhere(world: World, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const [gateways, operators] = [world.operators.length, world.operators];
    const agent = await agentAcross(world, round, `across-${round}`);
    const { passport } = await startMission(at(operators, round + 2), agent.id);
    const call = (gateway: number, allowed: boolean): Promise<ClientCall> =>
      heard(() =>
        send(world, gateway % gateways, {
          token: passport.token,
          bearer: agent.jwt(),
          method: 'GET',
          marker: world.marker(allowed ? 'open' : 'shut'),
        }),
      );
    const grant = async (gateway: number, constraints: unknown[]): Promise<void> => {
      const put = await at(operators, gateway)('PUT', `/v1/agents/${agent.id}/grants/${world.connection}`, { constraints });
      assert.equal(put.status, 200, JSON.stringify(put.body));
    };
    await passes(call, round, true);
    await grant(round, [{ path: 'url.pathname', op: 'starts_with', value: '/repos/acme/sandbox/issues/open-' }]);
    await passes(call, round + 1, true);
    const narrowed = await call(round + 2, false);
    assert.deepEqual([narrowed.status, narrowed.reason], [403, 'constraint_failed'], told([narrowed]));
    await grant(round + 1, []);
    // The constraint is lifted: the next call at each gateway, those that refused and those that never saw it.
    await Promise.all(operators.map((_, gateway) => passes(call, gateway, false)));
    await lifted(world, agent, round);
  }
}

/** A suspension at one gateway, taken back at another: the next mission and its call pass at every gateway. */
async function lifted(world: World, agent: TestAgent, round: number): Promise<void> {
  const blocked = await at(world.operators, round)('POST', `/v1/passports/revoke-agent/${agent.id}`, { reason: 'race', block_agent: true });
  assert.equal(blocked.status, 200, JSON.stringify(blocked.body));
  const freed = await at(world.operators, round + 1)('POST', `/v1/agents/${agent.id}/unblock`);
  assert.equal(freed.status, 200, JSON.stringify(freed.body));
  const { passport } = await startMission(at(world.operators, round + 2), agent.id);
  const gateway = round % world.operators.length;
  const call = await heard(() => send(world, gateway, { token: passport.token, bearer: agent.jwt(), method: 'GET' }));
  assert.equal(call.status, 200, told([call]));
}

async function passes(call: (gateway: number, allowed: boolean) => Promise<ClientCall>, gateway: number, allowed: boolean): Promise<void> {
  const one = await call(gateway, allowed);
  assert.equal(one.status, 200, told([one]));
}

/** Frozen at one gateway, every gateway refuses; unfrozen at another, every gateway lets the next call pass. Nobody else may call meanwhile. */
export async function frozen(world: World, rounds: number): Promise<void> {
  const agent = await plainAgent(at(world.operators, 0), 'race-freeze');
  const { passport } = await startMission(at(world.operators, 0), agent);
  const everywhere = (): Promise<ClientCall[]> =>
    Promise.all(
      world.operators.map((_, gateway) =>
        heard(() => send(world, gateway, { token: passport.token, bearer: world.platform.apiKey, method: 'GET' })),
      ),
    );
  for (let round = 0; round < rounds; round++) {
    const froze = await at(world.operators, round)('POST', '/v1/operator/freeze', { reason: 'race' });
    assert.equal(froze.status, 200, JSON.stringify(froze.body));
    const shut = await everywhere();
    for (const call of shut) assert.equal(call.status, 403, told(shut));
    const free = await at(world.operators, round + 1)('POST', '/v1/operator/unfreeze', { reason: 'race' });
    assert.equal(free.status, 200, JSON.stringify(free.body));
    const open = await everywhere();
    for (const call of open) assert.equal(call.status, 200, told(open));
  }
}

/**
 * Passports that live from checkpoint to checkpoint, called at every gateway before; the checkpoint is recorded at one. Past the first deadline the next
 * call passes at every gateway, though each has an answer by which the passport is over. Takes 65 s.
 */
export async function checkpointsElsewhere(world: World, passports: number): Promise<void> {
  const agent = await enrolledAgent(at(world.operators, 0), { name: world.marker('race-checkpoint'), accountability_mode: 'enforced' });
  const begun = Date.now();
  const tokens: { jti: string; token: string }[] = [];
  for (let one = 0; one < passports; one++) {
    const terms = { checkpoint_interval_seconds: INTERVAL_MS / 1_000, ttl_seconds: 900 };
    tokens.push((await startMission(at(world.operators, one), agent.id, {}, terms)).passport);
  }
  const issued = Date.now();
  const everywhere = async (token: string): Promise<void> => {
    const calls = await Promise.all(
      world.operators.map((_, gateway) => send(world, gateway, { token, bearer: agent.jwt(), method: 'GET' })),
    );
    for (const call of calls) assert.equal(call.status, 200, told(calls));
  };
  for (const { token } of tokens) await everywhere(token);
  await pause(begun + INTERVAL_MS - BEFORE_MS - Date.now());
  for (const [one, { jti }] of tokens.entries()) {
    const kept = await at(world.operators, one + 1)('POST', `/v1/passports/${jti}/checkpoint`, {
      services_used: ['github'],
      actions_count: 1,
    });
    assert.equal(kept.status, 200, JSON.stringify(kept.body));
  }
  await pause(issued + INTERVAL_MS + 1_000 - Date.now());
  for (const { token } of tokens) await everywhere(token);
  // Nothing may fall due while the run is judged.
  const ended = await at(world.operators, 0)('POST', `/v1/passports/revoke-agent/${agent.id}`, { reason: 'race' });
  assert.equal(ended.status, 200, JSON.stringify(ended.body));
}

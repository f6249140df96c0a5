/** Deadlines that fall into an outage, deadlines that survive one, and clocks that were moved (architecture, "Time"). */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { stat } from 'node:fs/promises';
import { api } from '@sallyport/bus/api.ts';
import type { Met } from '@sallyport/testing/requires.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { pause } from './load.ts';
import { at, enrolledAgent, plainAgent, send, startMission, type World } from './world.ts';

// A deadline that was handed to a process which then died is handed out again after 30 s.
const FOUND_MS = 45_000;
/** By then the follower that armed a timer has committed that it did. */
const ARMED_MS = 1_000;
/** Of a mission that is called in its life and after it. */
const LIFE_MS = 8_000;

async function fact(
  world: World,
  type: string,
  whose: { mission_id?: string; jti?: string },
): Promise<{ data: Record<string, unknown>; ts_ms: number }> {
  for (const { facts, ts_ms } of await world.witness.stream())
    for (const one of facts)
      if (one.type === type && (one.jti === whose.jti || whose.jti === undefined) && mission(one.data, one, whose.mission_id))
        return { data: one.data, ts_ms };
  throw new Error(`no ${type} yet`);
}

function mission(data: Record<string, unknown>, one: object, id: string | undefined): boolean {
  return id === undefined || data['mission_id'] === id || ('mission_id' in one && one.mission_id === id);
}

/** Kills it whenever it runs, until then. */
async function keepDown(world: World, name: string, untilMs: number): Promise<void> {
  let last: number | undefined;
  while (Date.now() < untilMs) {
    const pid = world.platform.processes()[name];
    if (pid !== undefined && pid !== last) world.platform.kill(name);
    last = pid;
    await pause(20);
  }
}

/** A mission whose end falls into an outage of `passports` is ended when it is back; nothing calls in its name meanwhile. */
export async function missedEnd(world: World): Promise<void> {
  const agent = await plainAgent(at(world.operators, 0), 'missed-end');
  const started = await startMission(at(world.operators, 1), agent, { expires_in_seconds: 5 });
  const what = { token: started.passport.token, bearer: world.platform.apiKey, method: 'GET' as const };
  assert.equal((await send(world, 0, what)).status, 200);
  await keepDown(world, 'passports', Date.parse(started.expires_at) + 1_500);
  const late = await send(world, 0, what);
  assert.ok(late.status === 401 || late.status === 503, `${late.status} ${late.code}`);
  await eventually(() => fact(world, 'mission.expired', { mission_id: started.mission_id }), { timeoutMs: FOUND_MS, everyMs: 250 });
  world.say('a mission ended while passports was down: found when it was back');
}

/** A checkpoint that was missed while `passports` was down; one that was kept holds at every gateway. Takes 70 s. */
export async function checkpoints(world: World, outage: boolean): Promise<void> {
  const operator = at(world.operators, 0);
  const agent = await enrolledAgent(operator, { name: world.marker('checkpoints'), accountability_mode: 'enforced' });
  const passport = { checkpoint_interval_seconds: 60, ttl_seconds: 900 };
  const [kept, missed] = await Promise.all([
    startMission(operator, agent.id, {}, passport),
    startMission(operator, agent.id, {}, passport),
  ]);
  const begun = Date.now();
  await pause(50_000);
  const recorded = await eventually(
    async () => {
      const answer = await operator('POST', `/v1/passports/${kept.passport.jti}/checkpoint`, {
        services_used: ['github'],
        actions_count: 1,
      });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    { timeoutMs: 8_000, everyMs: 500 },
  );
  assert.ok(Date.parse(recorded.new_expires_at) > begun + 100_000);
  await pause(begun + 59_000 - Date.now());
  if (outage) await keepDown(world, 'passports', begun + 62_500);
  else await pause(begun + 61_500 - Date.now());
  await world.passing();
  for (const gateway of world.operators.keys()) {
    const live = await eventually(
      async () => {
        const call = await send(world, gateway, { token: kept.passport.token, bearer: agent.jwt(), method: 'GET' });
        if (call.status === 503 || call.status === 0) throw new Error(`${call.status} ${call.code}`);
        return call;
      },
      { timeoutMs: 8_000 },
    );
    assert.equal(live.status, 200, `${live.code}: the checkpoint is seen by gateway ${gateway + 1}`);
    const dead = await send(world, gateway, { token: missed.passport.token, bearer: agent.jwt(), method: 'GET' });
    assert.ok(dead.status === 401 || dead.status === 503, `${dead.status} ${dead.code}`);
  }
  const lapsed = await eventually(() => fact(world, 'passport.lapsed', { jti: missed.passport.jti }), {
    timeoutMs: FOUND_MS,
    everyMs: 250,
  });
  assert.equal(lapsed.data['reason'], 'no_checkpoint');
  world.say(`a checkpoint missed${outage ? ' while passports was down' : ''} is found; one that was kept holds at every gateway`);
}

/** Everything is killed at once; a deadline that was set before falls due after. */
export async function deadlineAcrossRestart(world: World): Promise<void> {
  const agent = await plainAgent(at(world.operators, 0), 'restart');
  const started = await startMission(at(world.operators, 0), agent, { expires_in_seconds: 15 });
  // Only what was armed before can be lost; what was not is armed by its follower afterwards.
  const armed = { last_by_subj: `timers.mission.${started.mission_id}` };
  await eventually(() => api(world.witness.bus, 'STREAM.MSG.GET.TIMERS', armed), { timeoutMs: 5_000, everyMs: 50 });
  await pause(ARMED_MS);
  for (const name of Object.keys(world.platform.processes())) world.platform.kill(name);
  const passing = await world.passing(30_000);
  const what = { token: started.passport.token, bearer: world.platform.apiKey, method: 'GET' as const };
  const { data, ts_ms } = await eventually(() => fact(world, 'mission.expired', { mission_id: started.mission_id }), {
    timeoutMs: FOUND_MS,
    everyMs: 250,
  });
  const late = ts_ms - Number(data['ended_at_ms']);
  assert.ok(late >= 0 && late < 35_000, `${late} ms after its time`);
  assert.equal((await send(world, 1, what)).status, 401);
  world.say(`SIGKILL of everything: calls pass after ${passing} ms, a deadline fell due ${late} ms after its time`);
}

/** With services whose clocks are an hour off: a mission lives its time, no more and no less, by the log's own clock. */
export async function movedClocks(world: World): Promise<void> {
  const agent = await enrolledAgent(at(world.operators, 0), { name: 'moved-clocks', accountability_mode: 'logged' });
  const asked = Date.now();
  const started = await startMission(at(world.operators, 1), agent.id, { expires_in_seconds: LIFE_MS / 1_000 });
  const begun = Date.now();
  const expires = Date.parse(started.expires_at);
  const told = `expires ${expires - asked} ms after it was asked for, ${expires - begun} ms after the answer`;
  assert.ok(expires - asked > LIFE_MS - 1_500 && expires - begun < LIFE_MS + 1_500, told);
  const calls = [...world.operators.keys()].map(async (gateway) => {
    const call = await send(world, gateway, { token: started.passport.token, bearer: agent.jwt(), method: 'POST' });
    assert.equal(call.status, 200, `gateway ${gateway + 1}: ${call.code} ${call.reason}`);
  });
  await Promise.all(calls);
  const { ts_ms } = await eventually(() => fact(world, 'mission.expired', { mission_id: started.mission_id }), {
    timeoutMs: FOUND_MS,
    everyMs: 100,
  });
  assert.ok(ts_ms >= expires - 5 && ts_ms < expires + 5_000, `${ts_ms - expires} ms after its time`);
  for (const gateway of world.operators.keys())
    assert.equal((await send(world, gateway, { token: started.passport.token, bearer: agent.jwt(), method: 'GET' })).status, 401);
  world.say(`services with clocks an hour off decide as others: a mission ended ${ts_ms - expires} ms after its time`);
}

const SHIFTS: Record<string, string> = { 'gateway-2': '+1h', passports: '-1h', detectors: '+1h' };

/** Moves the clocks of some instances, where `faketime` is there; monotonic time goes on as it is. */
export function movedClocksOf({ skip, path }: Met): (name: string, env: NodeJS.ProcessEnv) => Promise<NodeJS.ProcessEnv> {
  return async (name, env) => {
    const shift = SHIFTS[name];
    if (shift === undefined || skip !== false) return env;
    return { ...env, LD_PRELOAD: await libraryOf(path), FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  };
}

async function libraryOf(program: string): Promise<string> {
  const root = dirname(dirname(program));
  const places = [`lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime`, 'lib/faketime', 'lib64/faketime'];
  for (const place of places) {
    const library = join(root, place, 'libfaketime.so.1');
    if (await stat(library).catch(() => undefined)) return library;
  }
  throw new Error(`no libfaketime.so.1 beside ${program}`);
}

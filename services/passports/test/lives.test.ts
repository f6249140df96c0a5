/**
 * Random histories of issue, delegate, refresh, checkout, revocation and endings: a model of a few lines keeps which jtis live, and after each step `passport.resolve`
 * says the same of every one. One process with a cold cache says it too, at the end: what decides is the log.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { eventually } from '@sallyport/testing/time.ts';
import { type Body, type Platform, platform, record, register } from './support/platform.ts';

let on: Platform;
let agents: string[] = [];

before(async () => {
  on = await platform();
  await on.start();
  await on.bootstrap();
  await on.connect('github');
  agents = await Promise.all(Array.from({ length: 3 }, () => register(on)));
});
after(() => on?.stop());

interface Line {
  /** Newest last; only it can live. */
  jtis: string[];
  token: unknown;
  agent: string;
  session: string;
  mission: Run;
  parent: Line | null;
  over: boolean;
}
interface Run {
  id: string;
  implicit: boolean;
  over: boolean;
  parent: Run | null;
}
interface World {
  lines: Line[];
  runs: Run[];
}

const STEPS = [
  'open',
  'issue',
  'implicit',
  'delegate',
  'refresh',
  'revoke',
  'revoke_old',
  'checkout',
  'complete',
  'revoke_agent',
  'revoke_session',
] as const;
type Step = { do: (typeof STEPS)[number]; pick: number; agent: number };

const lineage = (line: Line): Line[] => (line.parent ? [line, ...lineage(line.parent)] : [line]);
const runs = (run: Run): Run[] => (run.parent ? [run, ...runs(run.parent)] : [run]);
const isLive = (line: Line): boolean => lineage(line).every((one) => !one.over && runs(one.mission).every((run) => !run.over));
const below = (world: World, line: Line): Line[] => world.lines.filter((one) => one !== line && lineage(one).includes(line));
const pickFrom = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];

async function take(world: World, { do: what, pick, agent: at }: Step): Promise<void> {
  const agent = String(agents[at % agents.length]);
  const line = pickFrom(world.lines.filter(isLive), pick);
  const addLine = (issued: Body, mission: Run, parent: Line | null): void => {
    const { jti, token, agent_id, session_id } = issued;
    world.lines.push({ jtis: [String(jti)], token, agent: String(agent_id), session: String(session_id), mission, parent, over: false });
  };
  switch (what) {
    case 'open': {
      const opened = await on.call('missions.open', { body: { intent_summary: 'Look around', agent_id: agent } });
      world.runs.push({ id: String(opened['mission_id']), implicit: false, over: false, parent: null });
      return;
    }
    case 'issue': {
      const run = pickFrom(
        world.runs.filter((one) => !one.over && !one.implicit),
        pick,
      );
      if (!run) return;
      const mission = await on.call('missions.get', { params: { id: run.id } });
      const body = { agent_id: mission['agent_id'], mission_ids: [run.id], services: ['github'] };
      return addLine(await on.call('passports.issue', { body }), run, null);
    }
    case 'implicit': {
      const issued = await on.call('passports.issue', { body: { agent_id: agent, intent: 'Look around', services: ['github'] } });
      const run = { id: String(issued['mission_id']), implicit: true, over: false, parent: null };
      world.runs.push(run);
      return addLine(issued, run, null);
    }
    case 'delegate': {
      if (!line || lineage(line).length > 4) return;
      const child = await on.call('passports.delegate', { body: { parent_passport_token: line.token, child_agent_id: agent } });
      const run = { id: String(child['mission_id']), implicit: true, over: false, parent: line.mission };
      world.runs.push(run);
      return addLine(child, run, line);
    }
    case 'refresh': {
      if (!line) return;
      const next = await on.call('passports.refresh', { body: { token: line.token } });
      line.jtis.push(String(next['jti']));
      line.token = next['token'];
      return;
    }
    case 'revoke':
    case 'revoke_old': {
      if (!line) return;
      const jti = what === 'revoke' ? line.jtis.at(-1) : line.jtis[0];
      await on.counted();
      const revoked = await on.call('passports.revoke', { body: { jti } });
      const live = below(world, line)
        .filter(isLive)
        .map(({ jtis }) => jtis.at(-1));
      const own = jti === line.jtis.at(-1) ? [] : [line.jtis.at(-1)];
      assert.deepEqual(new Set(revoked['cascaded'] as string[]), new Set([...own, ...live]));
      line.over = true;
      if (line.mission.implicit) line.mission.over = true;
      return;
    }
    case 'checkout': {
      if (!line) return;
      await on.call('passports.checkout', { params: { jti: String(line.jtis.at(-1)) }, body: {} });
      line.over = true;
      if (line.mission.implicit) line.mission.over = true;
      return;
    }
    case 'complete': {
      const run = pickFrom(
        world.runs.filter((one) => runs(one).every(({ over }) => !over)),
        pick,
      );
      if (!run) return;
      await on.counted();
      const ended = await on.call('missions.complete', { params: { id: run.id }, body: {} });
      const dying = world.lines.filter((one) => isLive(one) && lineage(one).some(({ mission }) => mission === run));
      // A bulk revocation ends implicit missions too, a little later.
      if (ended['transitioned'] === true) assert.equal(ended['revoked_count'], dying.length);
      else assert.equal(dying.length, 0);
      run.over = true;
      return;
    }
    case 'revoke_agent':
      await on.call('passports.revoke_agent', { params: { agent_id: agent }, body: {} });
      for (const one of world.lines) if (one.agent === agent) one.over = true;
      return;
    case 'revoke_session':
      if (!line) return;
      await on.call('passports.revoke_session', { params: { session_id: line.session }, body: {} });
      for (const one of world.lines) if (one.session === line.session) one.over = true;
  }
}

async function living(world: World): Promise<Set<string>> {
  const jtis = world.lines.flatMap((line) => line.jtis);
  const states = await Promise.all(
    jtis.map(async (jti) => {
      const resolved = await on.call('passport.resolve', { body: { operator_id: on.operatorId(), jti, min_seq: 0 } });
      return record(resolved['passport'])['state'] === 'live' ? jti : null;
    }),
  );
  return new Set(states.filter((jti) => jti !== null));
}

const expected = (world: World): Set<string> => new Set(world.lines.filter(isLive).map(({ jtis }) => String(jtis.at(-1))));

test('given any history of passports, then those live that the model says, at the owner and in the list', async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    do: fc.oneof(
      { weight: 3, arbitrary: fc.constant('delegate' as const) },
      { weight: 2, arbitrary: fc.constant('refresh' as const) },
      { weight: 5, arbitrary: fc.constantFrom(...STEPS) },
    ),
    pick: fc.nat(1_000),
    agent: fc.nat(2),
  });
  const worlds: World[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), async (steps) => {
      const world: World = { lines: [], runs: [] };
      worlds.push(world);
      for (const one of [{ do: 'implicit', pick: 0, agent: 0 } as const, ...steps]) {
        await take(world, one);
        // Agents are shared between histories.
        if (one.do === 'revoke_agent') {
          const agent = agents[one.agent % agents.length];
          for (const other of worlds) for (const line of other.lines) if (line.agent === agent) line.over = true;
        }
        assert.deepEqual(await living(world), expected(world), JSON.stringify(steps));
      }
    }),
    { numRuns: 15, endOnFailure: true, seed: Number(process.env['SEED'] ?? 20261121) },
  );
  const all: World = { lines: worlds.flatMap(({ lines }) => lines), runs: [] };
  await eventually(async () => {
    const { body } = await on.reply('passports.active', { query: {} });
    assert.ok(Array.isArray(body));
    assert.deepEqual(new Set(body.map((one) => String(record(one)['jti']))), expected(all));
  });
  await on.start('passports-2');
  assert.deepEqual(await living(all), expected(all));
});

/**
 * `npm run test:faults`: the long form. Breaks the platform by a seed, under load, and lets the checker judge the whole run from the stream, the audit
 * rows and the upstream's log. Prints what it injected and what it checked; ends with 1 when anything was found.
 *
 * `--seed n`, `--rounds n` (races, default 500; twice as many of "used elsewhere"), `--gateways n` (default 4), `--kills n` (default 20),
 * `--only races,kills,time,nodes`.
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { requires } from '@sallyport/testing/requires.ts';
import { pauseAudit } from './audits.ts';
import { cutAnswers, cutBatches, cutCalls, cutCommands } from './cuts.ts';
import { diagnosis } from './diagnosis.ts';
import { fullStream, kill, stopGateway, stopNats, TARGETS } from './kills.ts';
import { pause, startLoad } from './load.ts';
import { killNode, startNodes } from './nodes.ts';
import {
  againstRevocation,
  capOfOne,
  checkpointsElsewhere,
  frozen,
  sameOperation,
  sameToken,
  tokenAndCommand,
  usedElsewhere,
} from './races.ts';
import { rebuildAll } from './rebuild.ts';
import { settled } from './settle.ts';
import { checkpoints, deadlineAcrossRestart, missedEnd, movedClocks, movedClocksOf } from './time.ts';
import { at, openWorld, type World } from './world.ts';

const CLOSED_MS = 90_000;
const BETWEEN_MS = 4_000;
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rounds: { type: 'string', default: '500' },
    gateways: { type: 'string', default: '4' },
    kills: { type: 'string', default: '20' },
    only: { type: 'string', default: 'races,kills,time,nodes' },
  },
});
const [seed, rounds, gateways, kills] = [Number(values.seed), Number(values.rounds), Number(values.gateways), Number(values.kills)];
const parts = values.only.split(',');
const say = (line: string): void => console.log(line);
let findings = 0;
let injected = 0;
/** The one that is broken at the moment. */
let broken: World | null = null;

/** What nobody looks at now can be looked at later. */
async function sayState(): Promise<void> {
  if (broken) say(await diagnosis(broken).catch((error: unknown) => `  nothing can be seen: ${String(error)}`));
}

async function step(name: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  injected++;
  try {
    await work();
    say(`✔ ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    findings++;
    say(
      `✖ ${name} (after ${((performance.now() - begun) / 1000).toFixed(1)} s): ${error instanceof Error ? error.message : String(error)}`,
    );
    await sayState();
  }
}

async function judge(world: World): Promise<void> {
  const verdict = await settled(world, CLOSED_MS);
  const statuses = Object.entries(Object.groupBy(world.calls, ({ status, code }) => `${status} ${code ?? ''}`.trim()));
  say(`  calls of clients: ${world.calls.length} (${statuses.map(([what, all]) => `${what}: ${all?.length ?? 0}`).join(', ')})`);
  say(`  calls at the upstream: ${world.upstream.log.length}; commands: ${world.commands.length}`);
  for (const [rule, count] of Object.entries(verdict.checks)) say(`  checked ${count} × ${rule}`);
  for (const finding of verdict.findings.slice(0, 50)) say(`✖ ${finding}`);
  if (verdict.findings.length > 50) say(`✖ and ${verdict.findings.length - 50} more`);
  findings += verdict.findings.length;
  if (verdict.findings.length > 0) await sayState();
}

async function inWorld(name: string, open: () => Promise<World>, work: (world: World) => Promise<void>): Promise<void> {
  say(`\n${name}`);
  const world = await open();
  broken = world;
  try {
    await work(world);
    await judge(world);
    await step('every read model rebuilt', () => rebuildAll(world));
  } finally {
    broken = null;
    await world.close();
  }
}

async function races(world: World): Promise<void> {
  await step(`${rounds} × one operation id at two gateways`, () => sameOperation(world, rounds));
  await step(`${rounds} × a cap of one`, () => capOfOne(world, rounds));
  await step(`${rounds} × one agent token at two gateways`, () => sameToken(world, rounds));
  await step(`${rounds} × one agent token for a call and a control write`, () => tokenAndCommand(world, rounds));
  await step(`${rounds} × a call and the revocation of its passport`, async () => {
    const { went, refused, behind } = await againstRevocation(world, rounds);
    say(`  ${went} went, ${refused} were refused, ${behind} of them by the order of the log`);
  });
  await step(`${2 * rounds} × registered, enrolled, granted, narrowed, widened, suspended at one gateway and used at another`, () =>
    usedElsewhere(world, 2 * rounds),
  );
  await step(`${Math.ceil(rounds / 10)} × frozen and unfrozen`, () => frozen(world, Math.ceil(rounds / 10)));
  await step(`${Math.ceil(rounds / 20)} × a checkpoint at one gateway, its passport's next call at every other`, () =>
    checkpointsElsewhere(world, Math.ceil(rounds / 20)),
  );
}

async function breaking(world: World): Promise<void> {
  await step('connections to NATS that break around a publish of passports', () =>
    cutCommands(world, ['agent.registered', 'mission.opened']),
  );
  await step('connections to NATS that break while an answer is under way', () => cutAnswers(world, 'gateway-4'));
  await step('connections to NATS that break in the middle of a batch', () => cutBatches(world));
  await step('connections to NATS that break around a publish of a gateway', () => cutCalls(world, 'gateway-4', ['cut', 'stored', 'mute']));
  const load = await startLoad(world);
  load.pace(100);
  const killed: number[] = [];
  for (let round = 0; round < kills; round++) {
    const target = at(TARGETS, round);
    await step(`round ${round + 1}: SIGKILL ${target}`, async () => {
      killed.push((await kill(world, load, target)).passing_ms);
    });
    // Long enough for the process to be back.
    await pause(BETWEEN_MS);
  }
  await step('SIGSTOP of nats', () => stopNats(world, 5_000));
  await step('SIGSTOP of a gateway for 8 s', () => stopGateway(world, load, 'gateway-2', 8_000));
  await step('SIGSTOP of a gateway for 20 s', async () => {
    assert.ok((await stopGateway(world, load, 'gateway-3', 20_000)).new_boot, 'it came back as the same boot');
  });
  await step('the stream is full', () => fullStream(world, 5_000));
  await step('two audit processes, one paused', () => pauseAudit(world, 20_000));
  await load.stop();
  say(`  ${killed.length} kills: calls passed again after ${Math.max(...killed)} ms at most`);
}

async function deadlines(world: World): Promise<void> {
  const load = await startLoad(world);
  load.pace(300);
  await step('services whose clocks are an hour off', () => movedClocks(world));
  await step('a mission that ends while passports is down', () => missedEnd(world));
  await step('a checkpoint missed while passports is down', () => checkpoints(world, true));
  await step('everything killed at once', () => deadlineAcrossRestart(world));
  await load.stop();
}

const faketime = await requires('faketime');

say(`seed ${seed}, ${rounds} rounds, ${kills} kills`);
if (faketime.skip !== false) say(`clocks are not moved: ${faketime.skip}`);
const begun = performance.now();
const open = (more: Partial<Parameters<typeof openWorld>[0]>) => (): Promise<World> => openWorld({ seed, gateways, say, ...more });
if (parts.includes('races')) await inWorld('races over four gateways', open({}), races);
if (parts.includes('kills')) await inWorld('kills, stops and cuts', open({ proxied: ['passports', 'gateway-4'] }), breaking);
if (parts.includes('time')) await inWorld('time', open({ environment: movedClocksOf(faketime), gateways: 2 }), deadlines);
if (parts.includes('nodes')) {
  const nodes = await startNodes();
  try {
    await inWorld('three NATS nodes', open({ gateways: 2, env: { NATS_URL: nodes.url }, dataDir: nodes.dataDir }), async (world) => {
      const load = await startLoad(world);
      load.pace(200);
      await step('the node that hosts a follower', () => killNode(world, nodes, load, 'host'));
      await step("the ledger's leader", () => killNode(world, nodes, load, 'leader'));
      await load.stop();
    });
  } finally {
    await nodes.stop();
  }
}
say(`\nseed ${seed}: ${injected} steps in ${((performance.now() - begun) / 60_000).toFixed(1)} min, ${findings} findings`);
process.exit(findings === 0 ? 0 : 1);

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { freePort } from '@sallyport/testing/ports.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { isAlive } from '../src/processes.ts';
import { REPOSITORY, unknownVariables } from '../src/services.ts';

const READY_MS = 90_000;
const NAMES = ['audit', 'detectors', 'detectors-2', 'gateway', 'gateway-2', 'nats', 'passports', 'postgres', 'vault'];

type Command = { child: ChildProcess; output: () => string; ended: Promise<number | null> };

let folder: string;
let dataDir: string;
let port: number;
let occupant: Server;

function command(task: string, args: string[] = []): Command {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(NODE_TEST_CONTEXT|NATS_URL|DATABASE_URL|CI)$/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    SALLYPORT_DATA: dataDir,
    SALLYPORT_HTTP_PORT: String(port),
    SALLYPORT_RATE_LIMITS: 'off',
  };
  const child = spawn(process.execPath, [join(REPOSITORY, 'infra/local/run.mjs'), task, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (text += data.toString('utf8')));
  return { child, output: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

async function start(args: string[] = []): Promise<Command> {
  const started = command('start', args);
  await eventually(
    () => {
      assert.equal(started.child.exitCode, null, started.output());
      assert.match(started.output(), /Ctrl-C stops everything/);
    },
    { timeoutMs: READY_MS },
  );
  return started;
}

async function processes(): Promise<Record<string, number>> {
  return JSON.parse(await readFile(join(dataDir, 'processes.json'), 'utf8'));
}

function assertGone(pids: Record<string, number>): void {
  assert.deepEqual(
    Object.entries(pids).filter(([, pid]) => isAlive(pid)),
    [],
  );
}

before(async () => {
  folder = await scratchFolder('start');
  dataDir = join(folder, 'data');
  port = await freePort();
  occupant = createServer().listen(port, '127.0.0.1');
  await once(occupant, 'listening');
});
after(() => {
  occupant.close();
  removeFolder(folder);
});

test('given a taken port and an empty folder, when started, killed, started again and stopped, then it keeps its word each time', async (t) => {
  let running = await start(['--gateways', '2', '--detectors', '2']);
  t.after(() => running.child.kill('SIGTERM'));
  let key = '';

  await t.test('the banner names the free ports, the data folder, a first call, and that rate limits are off', async () => {
    assert.match(running.output(), new RegExp(`port ${port} is taken; gateway uses \\d+`));
    for (const part of [dataDir, '/v1/agents/register', 'RATE LIMITS ARE OFF']) assert.ok(running.output().includes(part), part);
    assert.deepEqual(Object.keys(await processes()).sort(), NAMES);
  });

  await t.test('the file to source is private and its key works', async () => {
    const path = join(dataDir, 'env');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const values = Object.fromEntries(
      [...(await readFile(path, 'utf8')).matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
    );
    assert.equal(values['SALLYPORT_GATEWAYS']?.split(' ').length, 2);
    key = values['STACK_API_KEY'] ?? '';
    const answer = await fetch(`${values['STACK_BASE_URL']}/v1/agents/register`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'first-agent' }),
    });
    assert.equal(answer.status, 201, await answer.text());
  });

  await t.test('a second start in the same folder says that it is running', async () => {
    const second = command('start');
    assert.equal(await second.ended, 0);
    assert.match(second.output(), /is running already at http:/);
  });

  await t.test('reset refuses while it runs', async () => {
    const reset = command('reset', ['--yes']);
    assert.equal(await reset.ended, 1);
    assert.match(reset.output(), /is running/);
  });

  await t.test('what is killed runs again under a new number, NATS too', async () => {
    const then = await processes();
    for (const name of ['vault', 'nats']) process.kill(then[name] ?? assert.fail(`no ${name} runs`), 'SIGKILL');
    await eventually(
      async () => {
        const now = await processes();
        assert.deepEqual(Object.keys(now).sort(), NAMES);
        for (const name of ['vault', 'nats']) assert.notEqual(now[name], then[name]);
        assert.match(running.output(), /vault is ready again/);
        assert.match(running.output(), /nats is ready again/);
      },
      { timeoutMs: READY_MS },
    );
  });

  await t.test('when the supervisor is killed outright, no process stays', async () => {
    const pids = await processes();
    const { pid }: { pid: number } = JSON.parse(await readFile(join(dataDir, 'supervisor.json'), 'utf8'));
    process.kill(pid, 'SIGKILL');
    await running.ended;
    await eventually(() => assertGone(pids));
  });

  await t.test('started again it has the same operator, and ends within 5 s when asked', async () => {
    running = await start();
    assert.match(await readFile(join(dataDir, 'env'), 'utf8'), new RegExp(key));
    const pids = await processes();
    running.child.kill('SIGINT');
    // By its own clock it gives up before 5 s are over, and ends with 1.
    assert.equal(await running.ended, 0, running.output());
    assert.match(running.output(), /· stopped\n/);
    assertGone(pids);
    assert.deepEqual(await processes(), {});
  });

  await t.test('reset removes the data, but not unasked', async () => {
    const unasked = command('reset');
    assert.equal(await unasked.ended, 1);
    await stat(dataDir);
    assert.equal(await command('reset', ['--yes']).ended, 0);
    await assert.rejects(stat(dataDir));
  });
});

test('given variables with our prefix, when nobody reads one, then it is named', () => {
  assert.deepEqual(
    unknownVariables({ SALLYPORT_RATELIMITS: 'off', SALLYPORT_RATE_LIMITS: 'off', SALLYPORT_GATEWAY_X: '1', STACK_API_KEY: 'x' }),
    ['SALLYPORT_RATELIMITS'],
  );
});

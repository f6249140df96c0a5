/** The published client from the package index, unmodified, drives the platform: its wire is the contract. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { pythonEnvironment, requires } from '@sallyport/testing/requires.ts';
import { connectGithub } from './support/agent.ts';
import { ROOT, runPython } from './support/python.ts';
import { type TestOperator, testPlatform } from './support/platform.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

const python = await requires('python3');
const { skip } = python;

const platform = testPlatform();
let acme: TestOperator;
let upstream: Upstream;
let interpreter: string;

before(async () => {
  if (skip) return;
  [, upstream, interpreter] = await Promise.all([
    platform.ready(),
    startUpstream(),
    pythonEnvironment(python.path, {
      install: ['getstack==4.0.0', 'httpx==0.28.1', 'cryptography==50.0.2', 'PyJWT==2.15.1', 'cbor2==6.2.1'],
    }),
  ]);
  acme = await platform.newOperator();
  await connectGithub(acme.api, upstream.url);
});
after(async () => {
  await upstream?.stop();
});

async function walk(script: string): Promise<Map<string, unknown>> {
  const home = await scratchFolder('home');
  const done = await runPython(interpreter, [join(ROOT, 'e2e/published-client', script)], {
    cwd: home,
    env: { HOME: home, STACK_BASE_URL: platform.baseUrl, STACK_API_KEY: acme.api_key, STACK_AUTH_INTERACTIVE: 'false' },
  });
  assert.equal(done.code, 0, `${done.stdout}\n${done.stderr.slice(-4000)}`);
  const lines = done.stdout
    .trim()
    .split('\n')
    .map((line): { step: string; value: unknown } => JSON.parse(line));
  if (script.startsWith('sync')) assert.equal((await stat(join(home, '.stack/agents'))).isDirectory(), true);
  return new Map(lines.map((line) => [line.step, line.value]));
}

test('the published client walks through agents, missions, calls, revocation and audit (sync)', { skip }, async () => {
  const steps = await walk('sync_walk.py');
  assert.equal(steps.get('version'), '4.0.0');
  assert.equal(steps.get('enrolled'), true);
  assert.ok(steps.has('not_found'));
  const calls = upstream.seen.filter((one) => one.headers.authorization === 'Bearer ghp_test_token');
  assert.equal(calls.length, 3);
});

test('the published client walks as an agent (async)', { skip }, async () => {
  const steps = await walk('async_walk.py');
  assert.deepEqual([...steps.keys()], ['agents', 'calls', 'checkpoint', 'checkout', 'audit']);
});

/** Lives of passports as the published client walks through them, unmodified: 4.0.0 with missions, and 1.4.0, which knows none of its own (api.md §7.1). */
import assert from 'node:assert/strict';
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
const BESIDE = ['httpx==0.28.1', 'cryptography==50.0.2', 'PyJWT==2.15.1', 'cbor2==6.2.1'];
const STEPS = ['version', 'mission', 'delegate', 'refresh', 'revoke', 'session', 'missions', 'report'];

const platform = testPlatform();
let acme: TestOperator;
let upstream: Upstream;

before(async () => {
  if (skip) return;
  [, upstream] = await Promise.all([platform.ready(), startUpstream()]);
  acme = await platform.newOperator();
  await connectGithub(acme.api, upstream.url);
});
after(async () => {
  await upstream?.stop();
});

/** Step → value, in the order in which they were taken. */
async function walk(version: string, file: string, env: Record<string, string> = {}): Promise<Map<string, unknown>> {
  const interpreter = await pythonEnvironment(python.path, { install: [`getstack==${version}`, ...BESIDE] });
  const home = await scratchFolder('home');
  const done = await runPython(interpreter, [join(ROOT, 'e2e/published-client', file)], {
    cwd: home,
    env: { HOME: home, STACK_BASE_URL: platform.baseUrl, STACK_API_KEY: acme.api_key, STACK_AUTH_INTERACTIVE: 'false', ...env },
  });
  assert.equal(done.code, 0, `${done.stdout}\n${done.stderr.slice(-4000)}`);
  const steps = done.stdout.trim().split('\n');
  return new Map(steps.map((line) => JSON.parse(line)).map(({ step, value }) => [step, value]));
}

for (const version of ['4.0.0', '1.4.0']) {
  test(`getstack ${version} delegates, refreshes, keeps a session, reports and revokes`, { skip }, async () => {
    const steps = await walk(version, 'lives_walk.py');
    assert.deepEqual([...steps.keys()], STEPS);
    assert.deepEqual([steps.get('version'), steps.get('delegate')], [version, 3]);
  });
}

const EVERY = ['version', 'open', 'start', 'missions', 'life', 'revoke', 'mission', 'continuous_mission', 'reviews', 'every_method'];

for (const version of ['4.0.0', '1.4.0']) {
  for (const mode of ['sync', 'async']) {
    test(`getstack ${version}, ${mode}: every method of passports, missions and reviews is called, and finds what it reads`, {
      skip,
    }, async () => {
      const steps = await walk(version, 'every_method.py', { MODE: mode });
      assert.deepEqual([...steps.keys()], EVERY);
      assert.equal(steps.get('every_method'), 28);
    });
  }
}

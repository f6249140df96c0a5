/** The GitHub triage story: our own SDK, real AutoGen, one GET and one POST. And the SDK's own tests. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { pythonEnvironment, requires } from '@sallyport/testing/requires.ts';
import { connectGithub } from './support/agent.ts';
import { apiOf } from './support/api.ts';
import { ROOT, runPython, SDK_PATH } from './support/python.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

const python = await requires('python3');
const { skip } = python;
const story = join(ROOT, 'e2e/stories/github-triage');

let platform: Constellation;
let upstream: Upstream;
let folder: string;

before(async () => {
  if (skip) return;
  [platform, upstream, folder] = await Promise.all([constellation(), startUpstream(), scratchFolder('story')]);
  await connectGithub(apiOf(platform.baseUrl, platform.apiKey), upstream.url);
});
after(async () => {
  await platform?.stop();
  await upstream?.stop();
  if (folder) removeFolder(folder);
});

test('an AutoGen assistant triages a repository without holding its token', { skip }, async () => {
  const interpreter = await pythonEnvironment(python.path, {
    install: ['-r', join(story, 'requirements.txt'), 'httpx==0.28.1', 'cryptography==50.0.2'],
    constraints: join(story, 'constraints.txt'),
  });
  const done = await runPython(interpreter, ['-W', 'ignore', join(story, 'triage.py')], {
    cwd: folder,
    env: { PYTHONPATH: SDK_PATH, HOME: folder, STACK_BASE_URL: platform.baseUrl, STACK_API_KEY: platform.apiKey },
  });
  assert.equal(done.code, 0, done.stderr.slice(-4000));
  assert.deepEqual(
    upstream.seen.map((call) => `${call.method} ${call.path}`),
    ['GET /repos/acme/sandbox/issues?state=open', 'POST /repos/acme/sandbox/issues'],
  );
  assert.match(done.stdout, /review: clean/);
  assert.match(done.stdout, /passport.checkout success/);
  assert.match(done.stdout, /chain verifies: True/);
  assert.ok(!(done.stdout + done.stderr).includes('ghp_test_token'));
});

test('both Python distributions type-check and pass their own tests', { skip }, async () => {
  // What runs beside it counts milliseconds.
  const { stdout } = await promisify(execFile)('nice', [join(ROOT, 'libs/sdk-python/run-tests.sh'), join(folder, 'sdk')], {
    env: { ...process.env, PYTHON: python.path },
    maxBuffer: 1 << 26,
  });
  assert.match(stdout, /\d+ passed/);
  assert.doesNotMatch(stdout, /failed/);
});

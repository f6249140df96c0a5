/** The published AutoGen page, its code byte for byte, with real AutoGen 0.2 (sections 3, 4, 5, and 7 between two calls). */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { scratchFolder } from '@sallyport/testing/folders.ts';
import { pythonEnvironment, requires } from '@sallyport/testing/requires.ts';
import { connectGithub } from './support/agent.ts';
import { type Api, apiOf } from './support/api.ts';
import { page, ROOT, runPython, SDK_PATH } from './support/python.ts';
import { startUpstream, type Upstream } from './support/upstream.ts';

const SECRET = 'ghp_published_page_secret_0123456789';
const story = join(ROOT, 'e2e/stories/github-triage');
const python = await requires('python3');
const seed = await page('agent-proxy-autogen.txt');
const skip = python.skip || (seed === null && 'not possible here: the published page is not beside this checkout');

let platform: Constellation;
let upstream: Upstream;
let operator: Api;
let interpreter: string;

before(async () => {
  if (skip) return;
  [platform, upstream, interpreter] = await Promise.all([
    constellation(),
    startUpstream(),
    pythonEnvironment(python.path, {
      install: ['-r', join(story, 'requirements.txt'), 'httpx==0.28.1', 'cryptography==50.0.2'],
      constraints: join(story, 'constraints.txt'),
    }),
  ]);
  operator = apiOf(platform.baseUrl, platform.apiKey);
  await connectGithub(operator, upstream.url, { oauth_token: SECRET });
});
after(async () => {
  await platform?.stop();
  await upstream?.stop();
});

async function runPage(...args: string[]) {
  const folder = await scratchFolder('page');
  const empty = join(folder, 'empty');
  await mkdir(empty);
  const done = await runPython(interpreter, ['-W', 'ignore', join(story, 'run_page.py'), seed ?? '', ...args], {
    cwd: empty,
    env: {
      PYTHONPATH: SDK_PATH,
      HOME: folder,
      STACK_BASE_URL: platform.baseUrl,
      STACK_API_KEY: platform.apiKey,
      OPENAI_API_KEY: 'sk-no-real-key',
    },
  });
  assert.equal(done.code, 0, done.stderr.slice(-4000));
  const last = done.stdout.trim().split('\n').at(-1) ?? '';
  return { ...JSON.parse(last), printed: done.stdout + done.stderr };
}

test('the page runs as published: one GET and one POST with the injected credential, and a dead passport behind', { skip }, async () => {
  const from = upstream.seen.length;
  const result = await runPage();
  assert.deepEqual(result.failures, []);
  assert.equal(result.ended, null);
  const calls = upstream.seen.slice(from);
  assert.deepEqual(
    calls.map((call) => `${call.method} ${call.path}`),
    ['GET /repos/acme/sandbox/issues?state=open', 'POST /repos/acme/sandbox/issues'],
  );
  for (const call of calls) {
    assert.equal(call.headers.authorization, `Bearer ${SECRET}`);
    assert.equal(call.headers['x-passport-token'], undefined);
    assert.equal(call.headers.host, 'api.github.com');
  }
  assert.match(calls[1]?.body ?? '', /Fix the title typo/);
  assert.match(result.tool_results[1], /"number": ?8/);
  assert.equal(result.review_status, 'clean');
  assert.ok(!result.printed.includes(SECRET), 'the agent never sees the credential');

  const verified = await apiOf(platform.baseUrl)('POST', '/v1/passports/verify', { token: result.token });
  assert.equal(verified.body.valid, false);
  assert.equal(verified.body.code, 'PASSPORT_REVOKED');
  const mission = await operator('GET', `/v1/missions/${result.mission_id}`);
  assert.equal(mission.body.status, 'completed');
});

test('revoked between two calls: the GET arrived, the POST never leaves, and the call raises', { skip }, async () => {
  const from = upstream.seen.length;
  const result = await runPage('--revoke-between');
  assert.deepEqual(result.failures, []);
  assert.deepEqual(
    upstream.seen.slice(from).map((call) => call.method),
    ['GET'],
  );
  assert.match(result.tool_results[1], /^Error: /);
  const passport = await operator('GET', `/v1/passports/${result.jti}`);
  assert.equal(passport.body.status, 'revoked');
  assert.equal(passport.body.revoke_reason, 'off-script');
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type TestPlatform, withPlatform } from './platform.ts';

let platform: TestPlatform;
before(async () => {
  platform = await withPlatform();
});
after(() => platform.stop());

const GET = { method: 'GET', url: 'https://api.github.com/user' };
const PAST_THE_LEASE_MS = 16_000;

test('given a gateway that was paused past its lease, it forwards nothing when it wakes, and serves again under a new boot', async () => {
  const [gateway] = platform.gateways;
  assert.ok(gateway);
  const worker = await platform.setUp({ mode: 'logged', connection: {} });
  assert.equal((await worker.call(GET)).status, 200);
  const boots = async (): Promise<number> => (await readFile(gateway.service.logFile, 'utf8')).split('boot started').length - 1;
  assert.equal(await boots(), 1);
  const heard = platform.upstream.heard.length;

  await pauseProcess(gateway.service.pid);
  const woken = performance.now() + PAST_THE_LEASE_MS;
  const waiting = worker.call(GET, { once: true });
  await eventually(() => performance.now() > woken, { timeoutMs: PAST_THE_LEASE_MS + 1_000, everyMs: 250 });
  process.kill(gateway.service.pid, 'SIGCONT');
  const first = await waiting;
  assert.equal(first.status, 503, JSON.stringify(first.body));
  assert.equal(platform.upstream.heard.length, heard);

  await eventually(async () => (await worker.call(GET)).status === 200, { timeoutMs: 20_000 });
  assert.equal(await boots(), 2);
});

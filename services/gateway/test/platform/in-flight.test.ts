import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { parseFacts, readLedger } from '@sallyport/bus/api.ts';
import { connectBus } from '@sallyport/bus/connect.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { createLog } from '@sallyport/service-kit/log.ts';
import { pauseProcess } from '@sallyport/testing/pause.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { type Answer, request, type TestPlatform, withPlatform, type Worker } from './platform.ts';

/** Longer than the log may be silent; the kernel tries an open connection again after 1 and 3 s. */
const STILL_MS = 3_500;
let platform: TestPlatform;
/** Takes connections and never says a word: a TLS handshake with it does not end. */
let mute: Server;
let connected = 0;
before(async () => {
  platform = await withPlatform();
  mute = createServer((socket) => {
    connected++;
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  mute.close();
  await platform.stop();
});

const post = (path: string): { method: string; url: string; body: object } => ({
  method: 'POST',
  url: `https://api.github.com${path}`,
  body: {},
});
const heard = (path: string): number => platform.upstream.heard.filter((one) => one.path === path).length;

function told({ status, body }: Answer): unknown[] {
  return [status, body.error.code, body.error.metadata.upstream_may_have_completed];
}

/** Calls of one passport that wait: for an answer, for its body, for the rest of its body. */
async function waiting(worker: Worker): Promise<Promise<Answer>[]> {
  const paths = ['/hold', '/head', '/part'];
  const before = paths.map(heard);
  const calls = paths.map((path) => worker.call(post(path)));
  await eventually(() => paths.every((path, i) => heard(path) > (before[i] ?? 0)));
  return calls;
}

test('given calls in flight in whatever stage, a revocation ends each of them with 401', async () => {
  const worker = await platform.setUp();
  const calls = await waiting(worker);
  const { status, body } = await platform.api('POST', '/v1/passports/revoke', { jti: worker.passport.jti });
  assert.equal(status, 200, JSON.stringify(body));
  for (const answer of await Promise.all(calls)) assert.deepEqual(told(answer), [401, 'PASSPORT_REVOKED', true]);
});

test('given a call whose connection does not come about, a revocation ends it with 401, and nothing was sent', async () => {
  const address = mute.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const worker = await platform.setUp({ connection: { upstream_override: `https://127.0.0.1:${port}` } });
  const call = worker.call(post('/hold'));
  await eventually(() => connected > 0);
  assert.equal((await platform.api('POST', '/v1/passports/revoke', { jti: worker.passport.jti })).status, 200);
  assert.deepEqual(told(await call), [401, 'PASSPORT_REVOKED', false]);
});

/** An upstream that stands still, with all places in its queue of connections taken. */
async function fullUpstream(): Promise<{ port: number; pid: number; heard: () => number; stop: () => void }> {
  const answering = `let heard = 0;
    const server = require('node:http').createServer((_, response) => { console.log('heard ' + ++heard); response.end('{}'); });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log('port ' + server.address().port));`;
  const child = spawn(process.execPath, ['-e', answering], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  const port = await eventually(() => Number(/port (\d+)/.exec(said)?.[1] ?? assert.fail('it does not listen yet')));
  const pid = child.pid ?? assert.fail();
  await pauseProcess(pid);
  const taken: Socket[] = [];
  for (let isFull = false; !isFull; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => socket.destroy());
    taken.push(socket);
    isFull = await eventually(() => !socket.connecting, { timeoutMs: 300 }).then(
      () => false,
      () => true,
    );
  }
  const stop = (): void => {
    for (const socket of taken) socket.destroy();
    child.kill('SIGKILL');
  };
  return { port, pid, heard: () => said.split('heard').length - 1, stop };
}

test('given a gateway that stands still while a call waits for its connection, the call is not sent when it wakes', async () => {
  const upstream = await fullUpstream();
  const [gateway] = platform.gateways;
  const pid = gateway?.service.pid ?? assert.fail();
  try {
    const worker = await platform.setUp({ connection: { upstream_override: `http://127.0.0.1:${upstream.port}` } });
    const attempts = async (): Promise<number> => (await facts()).filter(({ type }) => type === 'call.attempted').length;
    const before = await attempts();
    const call = worker.call(post('/hold'), { once: true });
    await eventually(async () => (await attempts()) > before, { everyMs: 5 });
    await pauseProcess(pid);
    process.kill(upstream.pid, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    process.kill(pid, 'SIGCONT');
    assert.deepEqual(told(await call), [503, 'REVOCATION_STATE_STALE', false]);
    assert.equal(upstream.heard(), 0);
  } finally {
    process.kill(pid, 'SIGCONT');
    upstream.stop();
  }
});

test('given the log falls silent, calls in flight are cut as stale, the gateway says so, and their end is recorded once the log is back', async () => {
  const worker = await platform.setUp();
  const calls = await waiting(worker);
  const [gateway] = platform.gateways;
  await pauseProcess(platform.nats.pid);
  const stoppedAt = performance.now();
  let answers: Answer[];
  try {
    answers = await Promise.all(calls);
    const took = performance.now() - stoppedAt;
    // After 2 s of silence, counted from the last heartbeat; a gateway that does not get to run counts later.
    assert.ok(took > 1_000 && took < 10_000, `cut after ${took} ms`);
    const ready = await request(`${gateway?.url}/readyz`, 'GET', {});
    assert.deepEqual([ready.status, ready.body.checks.revocation_feed], [503, 'silent']);
  } finally {
    process.kill(platform.nats.pid, 'SIGCONT');
  }
  for (const answer of answers) assert.deepEqual(told(answer), [503, 'REVOCATION_STATE_STALE', true]);
  const attempts = answers.map(({ body }) => body.error.metadata.attempt_entry_id.replace('aud_', 'evt_'));
  await eventually(
    async () => {
      const ends = (await facts()).filter(({ type, causation_id }) => type === 'call.completed' && attempts.includes(causation_id));
      return ends.length === 3 && ends.every(({ data }) => data['error_code'] === 'REVOCATION_STATE_STALE' && data['sent'] === true);
    },
    { timeoutMs: 30_000 },
  );
});

async function facts(): Promise<Fact[]> {
  const { url, passwords } = platform.nats;
  const log = createLog('test', { level: 'silent' });
  const bus = await connectBus({ url, user: 'gateway', password: passwords['gateway'] ?? '', name: 'test', log });
  const found: Fact[] = [];
  for (let seq = 1; ; ) {
    const message = await readLedger(bus, { next_by_subj: 'ledger.*.calls.*', seq });
    if (!message) break;
    found.push(...parseFacts(message.data));
    seq = message.seq + 1;
  }
  await bus.close();
  return found;
}

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { isAlive, type ProcessSpec } from '../src/processes.ts';
import { nextDelay, type SupervisorEvent, supervisor } from '../src/supervisor.ts';

const folder = await scratchFolder('supervisor');
after(() => removeFolder(folder));

function spec(name: string, script: string): ProcessSpec {
  const env = { PATH: '/usr/bin:/bin' };
  const logFile = join(folder, `${name}.log`);
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    env,
    cwd: folder,
    stopSignal: 'SIGTERM',
    logFile,
    ready: () => Promise.resolve(true),
  };
}

test('given a process that is killed, when the supervisor sees it, then it runs again under a new pid and its set-up runs again', async () => {
  let readied = 0;
  const kept = supervisor(() => undefined);
  await kept.keep(spec('server', 'exec sleep 60'), { afterReady: async () => void readied++ });
  const first = kept.processes()['server'];
  kept.kill('server');
  await eventually(() => {
    assert.notEqual(kept.processes()['server'] ?? first, first);
    assert.equal(readied, 2);
  });
  await kept.stop(['server'], 1000);
  assert.deepEqual(kept.processes(), {});
});

test('given a process that ends at once each time, when started, then it is tried with growing pauses and reported', async () => {
  const events: SupervisorEvent[] = [];
  const kept = supervisor((event) => events.push(event));
  const broken = { ...spec('broken', 'exit 3'), ready: () => Promise.resolve(false) };
  await assert.rejects(kept.keep(broken, { firstTries: 3 }), /ended 3 times before it was ready .*code 3/);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === 'died' ? [event.againInMs] : [])),
    [250, 500],
  );
});

test('given a process that waits to be started again, when stopped, then it stays ended', async () => {
  const kept = supervisor(() => undefined);
  await kept.keep(spec('stopped', 'exec sleep 60'));
  const pid = kept.processes()['stopped'] ?? 0;
  kept.kill('stopped');
  await eventually(() => !isAlive(pid));
  await kept.stop(['stopped'], 1000);
  assert.deepEqual(kept.names(), []);
});

test('given how long it was up, when it dies, then the pause doubles up to 10 s and starts over after 30 s', () => {
  assert.equal(nextDelay(250, 10), 500);
  assert.equal(nextDelay(8000, 10), 10_000);
  assert.equal(nextDelay(10_000, 30_000), 250);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { isAlive, launch } from '../src/processes.ts';

const folder = await scratchFolder('processes');
after(() => removeFolder(folder));

function sleeper(name: string, script: string): Parameters<typeof launch>[0] {
  return {
    name,
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: folder,
    stopSignal: 'SIGTERM',
    logFile: join(folder, `${name}.log`),
    ready: () => Promise.resolve(true),
  };
}

test('given a process that ignores its stop signal, when stopped, then it is killed after the grace', async () => {
  const running = await launch(sleeper('deaf', "trap '' TERM; while :; do sleep 0.1; done"));
  assert.equal((await running.stop(300)).signal, 'SIGKILL');
  assert.equal(isAlive(running.pid), false);
});

test('given a parent that is killed outright, when it is gone, then its children are gone soon after', async () => {
  const source = `
    import { launch } from ${JSON.stringify(new URL('../src/processes.ts', import.meta.url).href)};
    const spec = ${JSON.stringify({ ...sleeper('orphan', "trap '' TERM; while :; do sleep 0.1; done"), ready: undefined })};
    const running = await launch({ ...spec, ready: async () => true });
    process.stdout.write(String(running.pid) + '\\n');
    setInterval(() => {}, 1000);
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line));
  assert.equal(isAlive(pid), true);
  parent.kill('SIGKILL');
  await eventually(() => assert.equal(isAlive(pid), false));
});

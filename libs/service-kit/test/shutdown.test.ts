import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

async function end(how: string, signal: NodeJS.Signals | null): Promise<{ code: number | null; steps: string[]; output: string }> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('support/closing.ts', import.meta.url)), how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (!output.includes('open') && chunk.includes('open') && signal) child.kill(signal);
    output += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, steps: output.split('\n').filter((line) => line.endsWith(' closed')), output };
}

test('given SIGTERM or SIGINT, what was opened last is closed first', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { code, steps } = await end('well', signal);
    assert.deepEqual([code, ...steps], [0, 'last closed', 'middle closed', 'first closed']);
  }
});

test('given a step that fails, it is logged and the others are closed', async () => {
  const { code, steps, output } = await end('throws', 'SIGTERM');
  assert.deepEqual([code, ...steps], [0, 'last closed', 'first closed']);
  assert.match(output, /"stage":"middle"/);
});

test('given a step that hangs, the process ends at the deadline and names it', async () => {
  const { code, output } = await end('hangs', 'SIGTERM');
  assert.equal(code, 1);
  assert.match(output, /"stage":"middle".*closing took too long/);
});

test('given a defect that nobody caught, it is logged, all is closed and the exit code says so', async () => {
  const { code, steps, output } = await end('defect', null);
  assert.equal(code, 1);
  assert.equal(steps.length, 3);
  assert.match(output, /nobody catches this/);
});

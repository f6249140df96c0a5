import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { isAlive } from '../src/processes.ts';
import { endStrays } from '../src/strays.ts';

const folder = await scratchFolder('report');
after(() => removeFolder(folder));

/** A runner of its own process: a test runner does not run inside a test. */
async function reported(source: string, ci: boolean): Promise<string> {
  const file = join(folder, 'sample.test.ts');
  await writeFile(file, source);
  const script = `
    import { run } from 'node:test';
    import { report } from ${JSON.stringify(new URL('../src/test-report.ts', import.meta.url).href)};
    const tally = { passed: 0, failed: 0, skipped: 0 };
    await report(run({ files: [${JSON.stringify(file)}] }), tally, { root: ${JSON.stringify(folder)}, ci: ${ci}, failed: ({ what }) => console.log('once more: ' + what) });
    console.log(JSON.stringify(tally));
  `;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runner = join(folder, 'runner.mjs');
  await writeFile(runner, script);
  const child = spawn(process.execPath, [runner], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString('utf8');
  });
  await once(child, 'close');
  return output;
}

const SKIPS = `
  import { test } from 'node:test';
  test('passes', () => {});
  test('has no reason', { skip: 'python3 is not installed' }, () => {});
  test('cannot be', { skip: 'not possible here: no root' }, () => {});
`;

test('given skipped tests, when it is not CI, then they are counted as skipped', async () => {
  assert.match(await reported(SKIPS, false), /"passed":1,"failed":0,"skipped":2/);
});

test('given skipped tests, when it is CI, then only what is not possible here may be skipped', async () => {
  const output = await reported(SKIPS, true);
  assert.match(output, /"passed":1,"failed":1,"skipped":1/);
  assert.match(output, /✖ has no reason\n\s+skipped with CI=true: python3 is not installed/);
});

test('given a failing test inside another, when reported, then it counts once, with its error and what its file printed', async () => {
  const output = await reported(
    `import assert from 'node:assert/strict';
     import { test } from 'node:test';
     console.log('before the failure');
     test('outer', (t) => t.test('inner', () => assert.equal(1, 2)));`,
    true,
  );
  assert.match(output, /"passed":0,"failed":1,"skipped":0/);
  assert.match(output, /✖ inner \(sample\.test\.ts:4\)/);
  assert.match(output, /1 !== 2/);
  assert.match(output, /\| before the failure/);
});

test('given a failure that says very much, when reported, then its middle is left out and its name is told once more', async () => {
  const source = `import { test } from 'node:test';
     test('talks', () => { throw new Error('begin ' + 'x'.repeat(50_000) + ' end'); });`;
  const output = await reported(source, false);
  assert.ok(output.length < 10_000, String(output.length));
  assert.match(output, /begin x/);
  assert.match(output, /… \d+ characters …/);
  assert.match(output, /once more: sample\.test\.ts: talks \(sample\.test\.ts:2\)/);
});

test('given a file whose process ends well before its tests do, when reported, then it has failed', async () => {
  const source = "import { test } from 'node:test'; test('one', () => {}); test('exits', () => process.exit(0)); test('never', () => {});";
  assert.match(await reported(source, false), /"failed":1/);
});

test('given a file without a test, when reported, then it has failed', async () => {
  assert.match(await reported("console.log('nothing');", false), /the file ran no test[^]*"failed":1/);
});

test('given tests in a file that the test file imports, when reported, then they are those of the test file', async () => {
  await writeFile(join(folder, 'inner.ts'), "import { test } from 'node:test'; test('stands elsewhere', () => {});");
  assert.match(await reported("import './inner.ts';", false), /sample\.test\.ts \(1 passed[^]*"passed":1,"failed":0/);
});

test('given a process whose working folder is the run folder, when strays are ended, then it is named and gone', async () => {
  const child = spawn('/bin/sleep', ['61'], { cwd: folder, env: {}, stdio: 'ignore' });
  const pid = child.pid ?? 0;
  const exited = once(child, 'exit');
  const ended = await endStrays(folder, 0);
  await exited;
  assert.ok(ended.some((line) => line.startsWith(`${pid} `)));
  assert.equal(isAlive(pid), false);
});

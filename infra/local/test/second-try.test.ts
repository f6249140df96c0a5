import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secondTry } from '../src/second-try.ts';
import type { Failure, Tally } from '../src/test-report.ts';

const failures: Failure[] = [
  { path: '/steady.test.ts', what: 'one' },
  { path: '/unsteady.test.ts', what: 'two' },
  { path: '/unsteady.test.ts', what: 'three' },
  { path: null, what: 'a process was left behind' },
];
const first = (): Tally => ({ passed: 10, failed: 4, skipped: 1 });

test('given files that failed, when they are run again, then what fails again and what is no file has failed, and the rest is named', async () => {
  const tally = first();
  const run: string[] = [];
  const { failed, unsteady } = await secondTry(failures, tally, async (path, second) => {
    run.push(path);
    if (path === '/steady.test.ts') second.failed++;
    else second.passed += 5;
  });
  assert.deepEqual(run, ['/steady.test.ts', '/unsteady.test.ts']);
  assert.deepEqual(
    [failed.map(({ what }) => what), unsteady.map(({ what }) => what)],
    [
      ['one', 'a process was left behind'],
      ['two', 'three'],
    ],
  );
  assert.deepEqual(tally, { passed: 12, failed: 2, skipped: 1 });
});

test('given a second try that runs no test, then the file has failed', async () => {
  const tally = first();
  assert.equal((await secondTry(failures, tally, async () => undefined)).failed.length, 4);
  assert.equal(tally.failed, 4);
});

test('given more than three failed files, then none is run again', async () => {
  const many = [...failures, { path: '/a.test.ts', what: 'four' }, { path: '/b.test.ts', what: 'five' }];
  const { failed } = await secondTry(many, first(), () => assert.fail('run again'));
  assert.deepEqual(failed, many);
});

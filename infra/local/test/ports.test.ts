import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { freePort, portFrom } from '../src/ports.ts';

const folder = await scratchFolder('ports');
const before = process.env['TEST_RUN_FOLDER'];
after(() => {
  if (before === undefined) delete process.env['TEST_RUN_FOLDER'];
  else process.env['TEST_RUN_FOLDER'] = before;
  removeFolder(folder);
});

test('given a test run, when a port is asked for that was given and is not bound yet, then it is the next one', async () => {
  process.env['TEST_RUN_FOLDER'] = join(folder, 'run');
  const given = await freePort();
  assert.ok((await portFrom(given)) > given);
});

test('given no test run, when a port is asked for that was given and is not bound yet, then it is given again', async () => {
  delete process.env['TEST_RUN_FOLDER'];
  const given = await freePort();
  assert.equal(await portFrom(given), given);
});

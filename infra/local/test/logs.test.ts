import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { boundFolder } from '../src/logs.ts';

const folder = await scratchFolder('logs');
after(() => removeFolder(folder));

test('given a log over its bound, when bounded, then it is emptied in place and its content kept beside it', async () => {
  await writeFile(join(folder, 'gateway.log'), 'x'.repeat(101));
  await writeFile(join(folder, 'vault.log'), 'short');
  await boundFolder(folder, 100);
  assert.equal(await readFile(join(folder, 'gateway.log'), 'utf8'), '');
  assert.equal(await readFile(join(folder, 'gateway.log.1'), 'utf8'), 'x'.repeat(101));
  assert.equal(await readFile(join(folder, 'vault.log'), 'utf8'), 'short');
});

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { removeFolder, scratchFolder } from '../src/folders.ts';
import { settle } from '../src/time.ts';
import { inTurn } from '../src/turns.ts';

const outer = process.env['TEST_RUN_FOLDER'];
let folder: string;
before(async () => {
  folder = await scratchFolder('turns');
  process.env['TEST_RUN_FOLDER'] = folder;
});
after(() => {
  if (outer === undefined) delete process.env['TEST_RUN_FOLDER'];
  else process.env['TEST_RUN_FOLDER'] = outer;
  removeFolder(folder);
});

test('given several who install the same, when they come at once, then they do it one after another, and one that fails keeps nobody waiting', async () => {
  let inside = 0;
  let most = 0;
  const one = (fails: boolean): Promise<void> =>
    inTurn('same', async () => {
      most = Math.max(most, ++inside);
      await settle();
      inside--;
      if (fails) throw new Error('not to be had');
    });
  const ended = await Promise.allSettled([one(true), one(false), one(false)]);
  assert.deepEqual(ended.map(({ status }) => status).sort(), ['fulfilled', 'fulfilled', 'rejected']);
  assert.equal(most, 1);
});

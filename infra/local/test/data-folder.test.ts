import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { claim, dataFolder, known, makeDataFolder, readShellValue, shellFile } from '../src/data-folder.ts';

const root = await scratchFolder('data');
after(() => removeFolder(root));

test('given a folder that is claimed by a live process, when claimed again, then the holder is named', async () => {
  const folder = dataFolder(join(root, 'one'));
  await makeDataFolder(folder);
  const first = await claim(folder);
  assert.equal(first.taken, false);
  if (!first.taken) await first.note('http://127.0.0.1:8787');
  assert.deepEqual(await claim(folder), { taken: true, pid: process.pid, address: 'http://127.0.0.1:8787' });
  if (!first.taken) await first.release();
  assert.equal((await claim(folder)).taken, false);
});

test('given a folder that is claimed by many at once, then one has it', async () => {
  const folder = dataFolder(join(root, 'many'));
  await makeDataFolder(folder);
  const claims = await Promise.all(Array.from({ length: 20 }, () => claim(folder)));
  assert.equal(claims.filter(({ taken }) => !taken).length, 1);
});

test('given a claim whose number belongs to another process by now, when claimed, then it is void', async () => {
  const folder = dataFolder(join(root, 'two'));
  await makeDataFolder(folder);
  await writeFile(join(folder.root, 'supervisor.json'), JSON.stringify({ ...(await known(process.pid)), birth: '1' }));
  assert.equal((await claim(folder)).taken, false);
});

test('given a damaged claim, when claimed, then it is void', async () => {
  const folder = dataFolder(join(root, 'three'));
  await makeDataFolder(folder);
  await writeFile(join(folder.root, 'supervisor.json'), '{"pid":');
  assert.equal((await claim(folder)).taken, false);
});

test('given values that a shell would read, when sourced, then they arrive as they were', async () => {
  const path = join(root, 'env');
  const value = `a 'b' $(touch ${root}/ran) "c"`;
  const text = shellFile({ STACK_API_KEY: 'sk_live_op_x', SALLYPORT_GATEWAYS: value });
  await writeFile(path, text);
  assert.equal(execFileSync('/bin/sh', ['-c', `. ${path}; printf %s "$SALLYPORT_GATEWAYS"`], { encoding: 'utf8' }), value);
  assert.equal(readShellValue(text, 'STACK_API_KEY'), 'sk_live_op_x');
});

/** The README's first call works when pasted. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { apiOf } from './support/api.ts';
import { ROOT } from './support/python.ts';

let platform: Constellation;
let folder: string;
before(async () => {
  platform = await constellation();
  folder = await scratchFolder('pasted');
});
after(async () => {
  await platform?.stop();
  removeFolder(folder);
});

async function paste(text: string): Promise<{ code: number | null; output: string }> {
  const shell = spawn('bash', [], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  shell.stdin.end(text);
  const code = await new Promise<number | null>((resolve) => shell.on('close', resolve));
  return { code, output };
}

test('pasted, the first call goes out with the credential, the second is refused, the third finds a dead passport, and the chain verifies', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const block = /```bash\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf('## A first call')))?.[1];
  assert.ok(block);
  await mkdir(folder, { recursive: true });
  await symlink(platform.dataDir, join(folder, '.sallyport'));
  const { output } = await paste(block);
  assert.match(output, /upstream saw: GET \/repos\/acme\/sandbox\/issues Bearer ghp_the_real_secret/);
  assert.equal(output.split('upstream saw:').length, 2, output);
  assert.match(output, /"status":200,.*Tilte typo/);
  assert.match(output, /"code":"FORBIDDEN".*resource_out_of_scope/);
  assert.match(output, /"code":"PASSPORT_REVOKED"/);
  assert.match(output, /"action":"/);
  assert.match(output, /"valid":true/);
  // The last row may be some milliseconds behind what it tells of, and so behind the paste.
  const operator = apiOf(platform.baseUrl, platform.apiKey);
  await eventually(async () =>
    assert.match(JSON.stringify((await operator('GET', '/v1/audit?limit=5')).body), /"action":"passport.revoke"/),
  );
});

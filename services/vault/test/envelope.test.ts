import { ok, rejects, deepEqual, notDeepEqual } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { credentialPlace, decrypt, encrypt } from '../src/secrets/envelope.ts';
import { masterKey } from '../src/secrets/master-key.ts';

const secret = new TextEncoder().encode('ghp_planted');
const place = credentialPlace('scon_a', 'cred_a');

test('what was encrypted opens at its place and nowhere else', async () => {
  const key = randomBytes(32);
  const envelope = await encrypt(key, secret, place);
  deepEqual(new Uint8Array(await decrypt(key, envelope, place)), secret);
  await rejects(decrypt(key, envelope, credentialPlace('scon_b', 'cred_a')), { kind: 'context' });
  await rejects(decrypt(key, envelope, credentialPlace('scon_a', 'cred_b')), { kind: 'context' });
  ok(!JSON.stringify(envelope).includes('ghp_planted'));
});

test('a changed ciphertext, a key of another record and another master key do not open', async () => {
  const key = randomBytes(32);
  const [one, two] = [await encrypt(key, secret, place), await encrypt(key, secret, place)];
  notDeepEqual(one.wrapped_key, two.wrapped_key);
  await rejects(decrypt(key, { ...one, wrapped_key: two.wrapped_key }, place), { kind: 'unreadable' });
  await rejects(decrypt(randomBytes(32), one, place), { kind: 'unreadable' });
  const parts = one.ciphertext.split('.');
  const body = parts[3] ?? '';
  parts[3] = (body.startsWith('A') ? 'B' : 'A') + body.slice(1);
  await rejects(decrypt(key, { ...one, ciphertext: parts.join('.') }, place), { kind: 'unreadable' });
});

test('the master key is made once, mode 0600, and a file that is none stops the start', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'vault-key-'));
  try {
    const [a, b] = await Promise.all([masterKey(join(dir, 'new')), masterKey(join(dir, 'new'))]);
    deepEqual(a, b);
    deepEqual(await masterKey(join(dir, 'new')), a);
    const path = join(dir, 'new', 'master.key');
    deepEqual((await stat(path)).mode & 0o777, 0o600);
    await writeFile(path, 'short');
    await rejects(masterKey(join(dir, 'new')), /not a master key/);
    deepEqual(await readFile(path, 'utf8'), 'short');
  } finally {
    await rm(dir, { recursive: true });
  }
});

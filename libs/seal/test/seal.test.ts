import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompactEncrypt } from 'jose';
import { SealError } from '../src/seal-error.ts';
import { generateSealKey, openSealed, sealTo } from '../src/sealed.ts';
import { openWithKey, sealWithKey } from '../src/with-key.ts';

const SECRET = Buffer.from('ghp_example-token');
const KEY = Buffer.alloc(32, 7);

function fails(kind: SealError['kind']): (error: unknown) => boolean {
  return (error) => error instanceof SealError && error.kind === kind && !error.message.includes('ghp_') && error.cause === undefined;
}

test('what is sealed to a key opens with its private part, and no two sealings are alike', async () => {
  const key = generateSealKey();
  const first = await sealTo(key.public_jwk, SECRET, 'cred_1/boot_1');
  const second = await sealTo(key.public_jwk, SECRET, 'cred_1/boot_1');
  assert.deepEqual(Buffer.from(await openSealed(key.private_jwk, first, 'cred_1/boot_1')), SECRET);
  assert.notEqual(first, second);
  assert.equal(first.split('.').length, 5);
});

test('another key, another context or a changed byte does not open', async () => {
  const key = generateSealKey();
  const sealed = await sealTo(key.public_jwk, SECRET, 'cred_1/boot_1');
  await assert.rejects(openSealed(generateSealKey().private_jwk, sealed, 'cred_1/boot_1'), fails('unreadable'));
  await assert.rejects(openSealed(key.private_jwk, sealed, 'cred_1/boot_2'), fails('context'));
  await assert.rejects(openSealed(key.private_jwk, 'not a jwe', 'x'), fails('unreadable'));
  for (let part = 0; part < 5; part += 1) {
    const parts = sealed.split('.');
    const text = parts[part] ?? '';
    parts[part] = `${text.slice(0, 4)}${text[4] === 'A' ? 'B' : 'A'}${text.slice(5)}`;
    await assert.rejects(openSealed(key.private_jwk, parts.join('.'), 'cred_1/boot_1'), fails('unreadable'), `part ${part}`);
  }
});

test('a context put into a foreign header does not pass for the one that was sealed', async () => {
  const key = generateSealKey();
  const sealed = await sealTo(key.public_jwk, SECRET, 'a');
  const [, ...rest] = sealed.split('.');
  const header = JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString());
  const forged = [Buffer.from(JSON.stringify({ ...header, ctx: 'b' })).toString('base64url'), ...rest].join('.');
  await assert.rejects(openSealed(key.private_jwk, forged, 'b'), fails('unreadable'));
});

test('only the algorithms of this library are accepted', async () => {
  const key = generateSealKey();
  const direct = await new CompactEncrypt(SECRET)
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', ctx: 'a' })
    .encrypt({ ...key.public_jwk });
  await assert.rejects(openSealed(key.private_jwk, direct, 'a'), fails('unreadable'));
  const wrapped = await new CompactEncrypt(SECRET).setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM', ctx: 'a' }).encrypt(KEY);
  await assert.rejects(openWithKey(KEY, wrapped, 'a'), fails('unreadable'));
});

test('what is kept under a key opens in its place only', async () => {
  const sealed = await sealWithKey(KEY, SECRET, 'credential/op_1/cred_1');
  assert.deepEqual(Buffer.from(await openWithKey(KEY, sealed, 'credential/op_1/cred_1')), SECRET);
  await assert.rejects(openWithKey(KEY, sealed, 'credential/op_1/cred_2'), fails('context'));
  await assert.rejects(openWithKey(Buffer.alloc(32, 8), sealed, 'credential/op_1/cred_1'), fails('unreadable'));
  await assert.rejects(openWithKey(KEY, `${sealed.slice(0, -1)}`, 'credential/op_1/cred_1'), fails('unreadable'));
  await assert.rejects(openWithKey(Buffer.alloc(31), sealed, 'x'), fails('key'));
  await assert.rejects(sealWithKey(Buffer.alloc(16), SECRET, 'x'), fails('key'));
});

test('a public key that is none seals nothing', async () => {
  await assert.rejects(sealTo({ kty: 'OKP', crv: 'X25519', x: 'AAAA' }, SECRET, 'a'), fails('key'));
  await assert.rejects(sealTo({ kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32).toString('base64url') }, SECRET, 'a'), fails('key'));
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type BusCall, reply } from '@sallyport/contracts/call.ts';
import { bootstrap } from '@sallyport/contracts/operations/operator.ts';
import { connectService } from '@sallyport/contracts/operations/services.ts';
import { generateSealKey } from '@sallyport/seal/sealed.ts';
import { removeFolder, scratchFolder } from '@sallyport/testing/folders.ts';
import { createSecretFields } from '../src/secret-fields.ts';
import { openFields, sealedToOldKey, sealFields } from '../src/seal-fields.ts';
import { refuse } from '@sallyport/contracts/call.ts';

const [mine, other] = await Promise.all([scratchFolder('fields'), scratchFolder('fields')]);
after(() => [mine, other].forEach(removeFolder));
const owner = await createSecretFields(mine);
const edge = generateSealKey();
const call = (body: unknown): BusCall => ({
  operation: '',
  bearer: { kind: 'none' },
  params: {},
  query: {},
  body,
  request_id: 'req_1',
  reply_key: { ...edge.public_jwk },
});

test('a secret field is unreadable between the edge and its owner, and whole at the owner', async () => {
  const body = { service_id: 'github', oauth_token: 'ghp_plain', credential: { user: 'a', password: 'ghp_plain' } };
  const sent = await sealFields(connectService, body, owner.public_jwk);
  assert.ok(!JSON.stringify(sent).includes('ghp_plain'));
  assert.deepEqual(await owner.open(connectService, sent), { body });
});

test('a secret that comes in clear is refused, so that no edge sends one by mistake', async () => {
  const opened = await owner.open(connectService, { service_id: 'github', oauth_token: 'ghp_plain' });
  assert.ok('denial' in opened);
  assert.deepEqual(opened.denial.metadata, { fields: [{ path: 'oauth_token', rule: 'sealed' }] });
});

test('a field sealed to another key, or for another operation, does not open and says to ask for the key again', async () => {
  const another = await createSecretFields(other);
  const sent = await sealFields(connectService, { oauth_token: 'x' }, another.public_jwk);
  const opened = await owner.open(connectService, sent);
  assert.ok('denial' in opened && sealedToOldKey(refuse(opened.denial)));
  const moved = await sealFields(bootstrap, { bootstrap_token: 'x' }, owner.public_jwk);
  assert.ok('denial' in (await owner.open(connectService, { oauth_token: Object.values(moved ?? {})[0] })));
});

test('a secret answer can be read by the edge that asked, and by nobody else', async () => {
  const answer = await owner.seal(bootstrap, call({}), reply(201, { api_key: 'sk_live_op_x', operator: {} }));
  assert.ok(!JSON.stringify(answer).includes('sk_live_op_x'));
  const opened = await openFields(bootstrap, answer, edge.private_jwk);
  assert.ok(opened.ok);
  assert.deepEqual(opened.reply.body, { api_key: 'sk_live_op_x', operator: {} });
  await assert.rejects(openFields(bootstrap, answer, generateSealKey().private_jwk));
  await assert.rejects(owner.seal(bootstrap, { ...call({}), reply_key: {} }, reply(201, { api_key: 'k' })), /reply key/);
});

test('processes that share the folder share the key', async () => {
  assert.deepEqual((await createSecretFields(mine)).public_jwk, owner.public_jwk);
});

/** Rotation and emergency removal of the keys that passports are signed with (api.md §6.2), over two gateways; time is moved by giving the log a past. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Bus } from '@sallyport/bus/connect.ts';
import { aggregateSubject, PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { signingKeyAdded, signingKeyPromoted } from '@sallyport/contracts/facts/keys.ts';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { connectHost } from '@sallyport/service-kit/host.ts';
import { type Constellation, constellation } from '@sallyport/testing/constellation.ts';
import { eventually } from '@sallyport/testing/time.ts';
import { connectGithub, enrolledAgent, startMission, type TestAgent } from '../support/agent.ts';
import { type Answer, type Api, apiOf } from '../support/api.ts';
import { askAsHost, busOf, writeFacts } from '../support/host.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

interface ShownKey {
  purpose: string;
  kid: string;
  state: string;
}

const HOUR = 3_600_000;
const subject = aggregateSubject(PLATFORM, 'keyset', 'passport');

let platform: Constellation;
let upstream: Upstream;
let operator: Api;
let host: Bus;
let passports: Bus;
let agent: TestAgent;

before(async () => {
  [platform, upstream] = await Promise.all([constellation({ gateways: 2, env: { SALLYPORT_RATE_LIMITS: 'off' } }), startUpstream()]);
  operator = apiOf(platform.baseUrl, platform.apiKey);
  await connectGithub(operator, upstream.url);
  agent = await enrolledAgent(operator, { accountability_mode: 'logged' });
  [host, passports] = await Promise.all([busOf(platform, 'host'), busOf(platform, 'passports')]);
});
after(async () => {
  await Promise.all([host?.close(), passports?.close()]);
  await platform?.stop();
  await upstream?.stop();
});

async function asked(name: string, body: object = {}): Promise<Answer['body']> {
  const answer = await askAsHost(host, name, body);
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.reply.body;
}

async function states(): Promise<Record<string, string>> {
  const { keys } = await asked('keys.list');
  return Object.fromEntries(keys.filter(({ purpose }: ShownKey) => purpose === 'passport').map(({ kid, state }: ShownKey) => [kid, state]));
}

async function published(): Promise<string[]> {
  const { body, headers } = await apiOf(platform.baseUrl)('GET', '/v1/.well-known/jwks.json');
  assert.equal(headers.get('cache-control'), 'public, max-age=300');
  return body.keys.map(({ kid }: { kid: string }) => kid);
}

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;

async function proxied(gateway: string, token: string, by = agent): Promise<Answer> {
  const body = { service: 'github', method: 'GET', url: 'https://api.github.com/repos/acme/sandbox/issues' };
  return apiOf(gateway, by.jwt())('POST', '/v1/proxy', body, { 'x-passport-token': token });
}

/** Further operators of the same platform. */
async function newOperators(...names: string[]): Promise<Api[]> {
  const asking = await connectHost({
    nats_url: platform.natsUrl,
    password_file: join(platform.dataDir, 'secrets', 'nats', 'host'),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  try {
    return await Promise.all(
      names.map(async (name) => {
        const made = await asking.ask(createOperator, { name, owner_email: `${name}@example.com`, owner_name: 'Olivia' });
        assert.ok(made.ok && matches(createOperator.response, made.reply.body), JSON.stringify(made));
        return apiOf(platform.baseUrl, made.reply.body.api_key);
      }),
    );
  } finally {
    await asking.close();
  }
}

async function passportToken(): Promise<string> {
  const { passport } = await startMission(operator, agent.id);
  return passport.token;
}

async function verified(token: string): Promise<Answer['body']> {
  return (await apiOf(platform.baseUrl)('POST', '/v1/passports/verify', { token })).body;
}

let first = '';
let second = '';
let before1 = '';
let after1 = '';

test('8. the next key is published and does not sign', async () => {
  [first = ''] = await published();
  before1 = await passportToken();
  assert.equal(kidOf(before1), first);
  await asked('keys.rotate');
  await asked('keys.rotate');
  const now = await states();
  assert.deepEqual(Object.values(now), ['active', 'next']);
  second = Object.keys(now).find((kid) => now[kid] === 'next') ?? '';
  assert.deepEqual(await published(), [first, second]);
  assert.equal(kidOf(await passportToken()), first);
});

test('8. ten minutes later it signs, and tokens from before and after verify at every gateway', async () => {
  const { keys } = (await apiOf(platform.baseUrl)('GET', '/v1/.well-known/jwks.json')).body;
  const { x } = keys.find(({ kid }: { kid: string }) => kid === second);
  const again = { purpose: 'passport', kid: second, public_key: { kty: 'OKP', crv: 'Ed25519', x }, state: 'next' } as const;
  await writeFacts(passports, subject, PLATFORM, [draft(signingKeyAdded, { ...again, at_ms: Date.now() - 601_000 })]);
  await eventually(async () => assert.deepEqual(await states(), { [first]: 'retired', [second]: 'active' }));
  after1 = await passportToken();
  assert.equal(kidOf(after1), second);
  for (const token of [before1, after1]) {
    assert.equal((await verified(token)).valid, true);
    for (const gateway of platform.gateways) assert.equal((await proxied(gateway, token)).status, 200);
  }
  assert.deepEqual(await published(), [second, first]);
});

test('8. a new process signs with the same key', async () => {
  const pid = platform.processes()['passports'];
  platform.kill('passports');
  await eventually(() => platform.processes()['passports'] !== pid);
  const token = await eventually(passportToken, { timeoutMs: 60_000 });
  assert.equal(kidOf(token), second);
});

test('8. after 25 hours the old key is gone everywhere', async () => {
  const { keys } = (await apiOf(platform.baseUrl)('GET', '/v1/.well-known/jwks.json')).body;
  const { x } = keys.find(({ kid }: { kid: string }) => kid === first);
  const at_ms = Date.now() - 25 * HOUR - 1_000;
  const signing = { purpose: 'passport', kid: first, public_key: { kty: 'OKP', crv: 'Ed25519', x }, state: 'active' } as const;
  await writeFacts(passports, subject, PLATFORM, [
    draft(signingKeyAdded, { ...signing, at_ms: at_ms - HOUR }),
    draft(signingKeyPromoted, { purpose: 'passport', kid: second, retired: first, at_ms }),
  ]);
  await eventually(async () => assert.deepEqual(await states(), { [first]: 'removed', [second]: 'active' }));
  assert.deepEqual(await published(), [second]);
  const seen = upstream.seen.length;
  const told = await verified(before1);
  assert.deepEqual([told.valid, told.code, told.reason], [false, 'UNAUTHORIZED', 'bad_signature']);
  for (const gateway of platform.gateways) {
    const refused = await proxied(gateway, before1);
    assert.deepEqual([refused.status, refused.body.error.metadata.reason], [401, 'bad_signature']);
    assert.equal((await proxied(gateway, after1)).status, 200);
  }
  assert.equal(upstream.seen.length, seen + platform.gateways.length);
});

test('8. an emergency removal ends at once what the key signed, of every operator', async () => {
  const [other, idle] = (await newOperators('other', 'idle')) as [Api, Api];
  await connectGithub(other, upstream.url);
  const theirs = await enrolledAgent(other, { accountability_mode: 'logged' });
  const { passport: foreign } = await startMission(other, theirs.id);
  assert.equal(kidOf(foreign.token), second);
  for (const gateway of platform.gateways) assert.equal((await proxied(gateway, foreign.token, theirs)).status, 200);

  const missing = await askAsHost(host, 'keys.revoke', { kid: 'nobody' });
  assert.equal(!missing.ok && missing.denial.code, 'NOT_FOUND');
  const seen = upstream.seen.length;
  const done = await asked('keys.revoke', { kid: second, reason: 'a copy was found' });
  assert.equal(done.already_revoked, false);
  assert.equal(done.operators, 3);
  assert.ok(done.revoked_count >= 2, JSON.stringify(done));
  assert.deepEqual([done.propagation.gateways, done.propagation.acknowledged], [2, 2]);
  assert.deepEqual(await published(), [done.active]);
  for (const gateway of platform.gateways) {
    for (const refused of [await proxied(gateway, after1), await proxied(gateway, foreign.token, theirs)])
      assert.deepEqual([refused.status, refused.body.error.metadata.reason], [401, 'bad_signature']);
  }
  assert.equal(upstream.seen.length, seen);
  assert.equal((await other('GET', `/v1/passports/${foreign.jti}`)).body.status, 'revoked');
  const jti = JSON.parse(Buffer.from(after1.split('.')[1] ?? '', 'base64url').toString()).jti;
  assert.equal((await operator('GET', `/v1/passports/${jti}`)).body.status, 'revoked');

  const token = await passportToken();
  assert.equal(kidOf(token), done.active);
  for (const gateway of platform.gateways) assert.equal((await proxied(gateway, token)).status, 200);
  const again = await asked('keys.revoke', { kid: second });
  assert.equal(again.already_revoked, true);
  for (const gateway of platform.gateways) assert.equal((await proxied(gateway, token)).status, 200, 'a repeat revokes nothing');

  const { passport: next } = await startMission(other, theirs.id);
  for (const gateway of platform.gateways) assert.equal((await proxied(gateway, next.token, theirs)).status, 200);
  for (const each of [operator, other, idle]) {
    const [row, revoked] = await eventually(async () => {
      const { entries } = (await each('GET', '/v1/audit?limit=100&action=key.revoke')).body;
      assert.equal(entries.length, 1);
      const [latest] = (await each('GET', '/v1/audit?limit=1&action=passport.revoke')).body.entries;
      assert.ok(latest);
      return [entries[0], latest];
    });
    assert.equal(row.metadata.kid, second);
    assert.deepEqual([revoked.metadata.kind, revoked.metadata.reason], ['bulk_operator', 'Signing key revoked: a copy was found']);
    assert.equal((await each('GET', '/v1/audit/verify-chain')).body.valid, true);
  }
  assert.equal((await operator('GET', '/v1/audit?action=key.rotate')).body.entries.length, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifyPassport } from '../src/passport.ts';
import { AGENT, ISSUER, ISSUER_KID, PASSPORT_CLAIMS, sign } from './fixtures.ts';

const HEADER = { typ: 'passport+jwt', kid: ISSUER_KID };
const CHECK = { keys: new Map([[ISSUER_KID, ISSUER.jwk]]), issuer: 'http://127.0.0.1:8787', now_seconds: 1780304410 };

async function outcome(
  header: Record<string, unknown>,
  claims: object,
  check: Partial<typeof CHECK & { accept_expired: boolean }> = {},
): Promise<string> {
  const verdict = verifyPassport(await sign(ISSUER.privateKey, header, claims), { ...CHECK, ...check });
  return verdict.ok ? 'ok' : verdict.reason;
}

test('a genuine passport gives its claims', async () => {
  const verdict = verifyPassport(await sign(ISSUER.privateKey, HEADER, PASSPORT_CLAIMS), CHECK);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.claims, PASSPORT_CLAIMS);
  assert.equal(verdict.kid, ISSUER_KID);
});

test('only the issuer’s keys count, and an unknown kid is named', async () => {
  const forged = await sign(AGENT.privateKey, HEADER, PASSPORT_CLAIMS);
  assert.deepEqual(verifyPassport(forged, CHECK), { ok: false, reason: 'bad_signature' });
  const rotated = await sign(ISSUER.privateKey, { ...HEADER, kid: 'new' }, PASSPORT_CLAIMS);
  assert.deepEqual(verifyPassport(rotated, CHECK), { ok: false, reason: 'bad_signature', kid: 'new' });
  const good = await sign(ISSUER.privateKey, HEADER, PASSPORT_CLAIMS);
  const [head, body, tail] = good.split('.');
  const other = Buffer.from(JSON.stringify({ ...PASSPORT_CLAIMS, exp: 9999999999 })).toString('base64url');
  assert.deepEqual(verifyPassport(`${head}.${other}.${tail}`, CHECK), { ok: false, reason: 'bad_signature' });
  assert.ok(body !== undefined);
});

test('a passport that was once genuine is refused under another key, issuer and time', async () => {
  const token = await sign(ISSUER.privateKey, HEADER, PASSPORT_CLAIMS);
  assert.equal(verifyPassport(token, CHECK).ok, true);
  assert.equal(verifyPassport(token, CHECK).ok, true);
  assert.deepEqual(verifyPassport(token, { ...CHECK, keys: new Map([[ISSUER_KID, AGENT.jwk]]) }), { ok: false, reason: 'bad_signature' });
  assert.deepEqual(verifyPassport(token, { ...CHECK, keys: new Map() }), { ok: false, reason: 'bad_signature', kid: ISSUER_KID });
  assert.deepEqual(verifyPassport(token, { ...CHECK, now_seconds: PASSPORT_CLAIMS.exp }), { ok: false, reason: 'expired' });
  assert.deepEqual(verifyPassport(`${token.slice(0, -1)}${token.endsWith('A') ? 'Q' : 'A'}`, CHECK).ok, false);
});

test('a token of another kind, or whose header brings keys or extensions, is refused', async () => {
  assert.equal(await outcome({ ...HEADER, typ: 'JWT' }, PASSPORT_CLAIMS), 'wrong_credential_kind');
  assert.equal(await outcome({ kid: ISSUER_KID }, PASSPORT_CLAIMS), 'wrong_credential_kind');
  assert.equal(await outcome({ ...HEADER, typ: 'session+jwt' }, PASSPORT_CLAIMS), 'wrong_credential_kind');
  assert.equal(await outcome({ typ: 'passport+jwt' }, PASSPORT_CLAIMS), 'malformed');
  assert.equal(await outcome({ ...HEADER, jwk: AGENT.jwk }, PASSPORT_CLAIMS), 'malformed');
  for (const member of ['jku', 'x5u', 'x5t'])
    assert.equal(await outcome({ ...HEADER, [member]: 'https://evil.example' }, PASSPORT_CLAIMS), 'malformed');
  assert.equal(await outcome({ ...HEADER, x5c: ['AAAA'] }, PASSPORT_CLAIMS), 'malformed');
  const [, body] = (await sign(ISSUER.privateKey, HEADER, PASSPORT_CLAIMS)).split('.');
  for (const header of [
    { ...HEADER, alg: 'none' },
    { ...HEADER, alg: 'HS256' },
    { ...HEADER, alg: 'Ed25519' },
    HEADER,
    { ...HEADER, alg: 'EdDSA', crit: ['exp'] },
  ]) {
    const raw = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${body}.AAAA`;
    assert.deepEqual(verifyPassport(raw, CHECK), { ok: false, reason: 'malformed' });
  }
});

test('issuer, audience and time are checked', async () => {
  assert.equal(await outcome(HEADER, { ...PASSPORT_CLAIMS, iss: 'getstack.run' }), 'wrong_issuer');
  assert.equal(await outcome(HEADER, { ...PASSPORT_CLAIMS, aud: 'stack:agent' }), 'wrong_audience');
  assert.equal(await outcome(HEADER, { ...PASSPORT_CLAIMS, aud: ['stack:passport'] }), 'wrong_audience');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304702 }), 'ok');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304703 }), 'expired');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304703, accept_expired: true }), 'ok');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304398 }), 'ok');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304397 }), 'not_yet_valid');
  assert.equal(await outcome(HEADER, PASSPORT_CLAIMS, { now_seconds: 1780304397, accept_expired: true }), 'not_yet_valid');
});

test('a signed token whose claims lack their form is malformed', async () => {
  const { stk } = PASSPORT_CLAIMS;
  const [service] = stk.services;
  const withStk = (over: object): object => ({ ...PASSPORT_CLAIMS, stk: { ...stk, ...over } });
  const withService = (over: object): object => withStk({ services: [{ ...service, ...over }] });
  const bad: object[] = [
    { ...PASSPORT_CLAIMS, exp: '1780304703' },
    { ...PASSPORT_CLAIMS, jti: '' },
    { ...PASSPORT_CLAIMS, cnf: {} },
    { ...PASSPORT_CLAIMS, cnf: null },
    { ...PASSPORT_CLAIMS, sub: 'agt_other' },
    { ...PASSPORT_CLAIMS, stk: [] },
    withStk({ services: {} }),
    withStk({ accountability: 'none' }),
    withStk({ delegation_depth: 5 }),
    withStk({ mission_ids: [] }),
    withStk({ mission_ids: ['ms_a', 'ms_b'] }),
    withStk({ intent_services: 'github' }),
    withStk({ parent_passport_id: 7 }),
    withService({ connection_id: undefined }),
    withService({ service_id: 'scon_other' }),
    withService({ constraints: {} }),
    withService({ constraints: [{ path: 'method', op: 'eq' }] }),
    withService({ any_of: [[{ path: 'method', op: 'eq', value: 'GET' }]] }),
    withService({ resources: 'acme/sandbox' }),
    withService({ allow_data_from: null }),
  ];
  for (const claims of bad) assert.equal(await outcome(HEADER, claims), 'malformed', JSON.stringify(claims));
  const good: object[] = [
    { ...PASSPORT_CLAIMS, cnf: undefined, extra: 1 },
    withStk({ delegation_depth: 4, parent_passport_id: 'ppt_01kt16jphre60tak362xesvjfr' }),
    withStk({ accountability: 'standard', intent_summary: undefined, intent_services: [], checkpoint_interval: undefined }),
    withService({ constraints: undefined, any_of: [[[{ path: 'method', op: 'eq', value: 'GET' }]]], allow_data_from: ['slack'] }),
  ];
  for (const claims of good) assert.equal(await outcome(HEADER, claims), 'ok', JSON.stringify(claims));
});

test('a genuine token over 16,384 characters is not read', async () => {
  assert.equal(await outcome(HEADER, { ...PASSPORT_CLAIMS, note: 'x'.repeat(8_000) }), 'ok');
  assert.equal(await outcome(HEADER, { ...PASSPORT_CLAIMS, note: 'x'.repeat(12_000) }), 'malformed');
});

test('what is no compact JWS of two JSON objects is malformed and never throws', async () => {
  const good = await sign(ISSUER.privateKey, HEADER, PASSPORT_CLAIMS);
  const [head, body, tail] = good.split('.');
  const part = (text: string): string => Buffer.from(text, 'latin1').toString('base64url');
  const bad = ['', '..', 'a.b', `${good}.x`, `${head}.${body}.`, `${head}=.${body}.${tail}`, `${head}.${body}.${tail}=`, ` ${good}`];
  bad.push(
    `${head}.${part('[]')}.${tail}`,
    `${head}.${part('null')}.${tail}`,
    `${part('"x"')}.${body}.${tail}`,
    `${part('{"a":"\xff"}')}.${body}.${tail}`,
  );
  bad.push(`${part(`${'{"a":'.repeat(40)}`)}.${body}.${tail}`, 'A'.repeat(16_385), `${head}.${'A'.repeat(16_385)}.${tail}`, '\ud800.a.b');
  for (const token of bad) assert.deepEqual(verifyPassport(token, CHECK), { ok: false, reason: 'malformed' }, token.slice(0, 40));
});

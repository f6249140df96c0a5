import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { type Ed25519Jwk, thumbprint } from '../src/keys.ts';
import { type PersonTokenVerdict, verifyPersonToken } from '../src/person-token.ts';

const pair = generateKeyPairSync('ed25519');
const foreign = generateKeyPairSync('ed25519');
const jwk: Ed25519Jwk = { kty: 'OKP', crv: 'Ed25519', x: pair.publicKey.export({ format: 'jwk' }).x ?? '' };
const kid = thumbprint(jwk);
const NOW = 1_780_304_410;
const SESSION = { iss: 'https://here', aud: 'stack:session', sub: 'mem_1', operator_id: 'op_1', sid: 's', iat: NOW, exp: NOW + 86_400 };
const ACCESS = {
  iss: 'https://here',
  aud: 'stack:api',
  sub: 'mem_1',
  operator_id: 'op_1',
  gid: 'g',
  client_id: 'c',
  scope: 'api',
  iat: NOW,
  exp: NOW + 300,
};

function token(header: object, claims: object, key = pair.privateKey): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'EdDSA', kid, ...header })}.${part(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

const verify = (text: string): PersonTokenVerdict =>
  verifyPersonToken(text, { keys: new Map([[kid, jwk]]), issuer: 'https://here', now_seconds: NOW });
const session = (claims: object = {}, header: object = {}): PersonTokenVerdict =>
  verify(token({ typ: 'session+jwt', ...header }, { ...SESSION, ...claims }));
const reason = (verdict: PersonTokenVerdict): string => (verdict.ok ? 'good' : verdict.reason);

test('given a token of either purpose, it says who, and by what', () => {
  assert.deepEqual(session(), {
    ok: true,
    token: { kind: 'session', sub: 'mem_1', operator_id: 'op_1', session_id: 's', exp: NOW + 86_400 },
  });
  const access = verify(token({ typ: 'at+jwt' }, { ...ACCESS, scope: 'agents:read  audit:read' }));
  assert.deepEqual(access, {
    ok: true,
    token: {
      kind: 'access',
      sub: 'mem_1',
      operator_id: 'op_1',
      grant_id: 'g',
      client_id: 'c',
      scopes: ['agents:read', 'audit:read'],
      exp: NOW + 300,
    },
  });
});

test('given a token for another purpose, by another key, for another place or time, the reason is told', () => {
  const cases: [PersonTokenVerdict, string][] = [
    [session({ aud: 'stack:api' }), 'wrong_audience'],
    [session({ aud: ['stack:session'] }), 'wrong_audience'],
    [verify(token({ typ: 'at+jwt' }, SESSION)), 'wrong_audience'],
    [verify(token({ typ: 'at+jwt' }, { ...SESSION, aud: 'stack:api' })), 'malformed'],
    [session({}, { typ: 'JWT' }), 'wrong_credential_kind'],
    [session({}, { typ: 'passport+jwt' }), 'wrong_credential_kind'],
    [session({}, { typ: 'SESSION+JWT' }), 'wrong_credential_kind'],
    [session({}, { alg: 'none' }), 'malformed'],
    [session({}, { alg: 'HS256' }), 'malformed'],
    [session({}, { jwk }), 'malformed'],
    [session({}, { jku: 'https://evil' }), 'malformed'],
    [session({}, { crit: ['exp'] }), 'malformed'],
    [session({}, { kid: 'other' }), 'bad_signature'],
    [session({}, { kid: undefined }), 'bad_signature'],
    [verify(token({ typ: 'session+jwt' }, SESSION, foreign.privateKey)), 'bad_signature'],
    [session({ iss: 'https://elsewhere' }), 'wrong_issuer'],
    [session({ exp: NOW }), 'expired'],
    [session({ iat: NOW + 6 }), 'not_yet_valid'],
    [session({ exp: undefined }), 'malformed'],
    [session({ exp: 'tomorrow' }), 'malformed'],
    [session({ sub: '' }), 'malformed'],
    [session({ sid: undefined }), 'malformed'],
    [verify('x.y.z'), 'malformed'],
    [verify(''), 'malformed'],
  ];
  for (const [verdict, wanted] of cases) assert.equal(reason(verdict), wanted);
});

test('given any changed character, the signature does not hold', () => {
  const good = token({ typ: 'session+jwt' }, SESSION);
  const changed = [...good]
    .map((letter, i) => good.slice(0, i) + (letter === 'A' ? 'B' : 'A') + good.slice(i + 1))
    .filter((one) => one !== good);
  assert.ok(changed.every((one) => !verify(one).ok));
});

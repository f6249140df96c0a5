import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentJwtSubject, verifyAgentJwt } from '../src/agent-jwt.ts';
import { AGENT, AGENT_CLAIMS, AUDIT, sign } from './fixtures.ts';
import { decodeBase64url } from '../src/token.ts';

const NOW = 1780304410;

async function outcome(claims: object, nowSeconds: number = NOW, header: Record<string, unknown> = { typ: 'JWT' }): Promise<string> {
  const verdict = verifyAgentJwt(await sign(AGENT.privateKey, header, claims), { jwk: AGENT.jwk, now_seconds: nowSeconds });
  return verdict.ok ? 'ok' : verdict.reason;
}

test('a genuine agent JWT names its agent, its jti and its end', async () => {
  const token = await sign(AGENT.privateKey, {}, AGENT_CLAIMS);
  assert.deepEqual(verifyAgentJwt(token, { jwk: AGENT.jwk, now_seconds: NOW }), {
    ok: true,
    agent_id: AGENT_CLAIMS.sub,
    jti: AGENT_CLAIMS.jti,
    exp: AGENT_CLAIMS.exp,
  });
});

test('another key, issuer, audience or kind is refused with its reason', async () => {
  const token = await sign(AUDIT.privateKey, { typ: 'JWT' }, AGENT_CLAIMS);
  assert.deepEqual(verifyAgentJwt(token, { jwk: AGENT.jwk, now_seconds: NOW }), { ok: false, reason: 'bad_signature' });
  assert.equal(await outcome({ ...AGENT_CLAIMS, iss: 'other' }), 'wrong_issuer');
  assert.equal(await outcome({ ...AGENT_CLAIMS, aud: 'stack:passport' }), 'wrong_audience');
  assert.equal(await outcome({ ...AGENT_CLAIMS, aud: ['stack:agent'] }), 'wrong_audience');
  assert.equal(await outcome(AGENT_CLAIMS, NOW, { typ: 'passport+jwt' }), 'wrong_credential_kind');
  assert.equal(await outcome(AGENT_CLAIMS, NOW, { jwk: AGENT.jwk }), 'malformed');
});

test('a life over 60 s, the past and the future are refused, with 5 s of skew', async () => {
  const { iat } = AGENT_CLAIMS;
  assert.equal(await outcome({ ...AGENT_CLAIMS, exp: iat + 61 }), 'lifetime_too_long');
  assert.equal(await outcome(AGENT_CLAIMS, iat + 64), 'ok');
  assert.equal(await outcome(AGENT_CLAIMS, iat + 65), 'expired');
  assert.equal(await outcome(AGENT_CLAIMS, iat - 5), 'ok');
  assert.equal(await outcome(AGENT_CLAIMS, iat - 6), 'not_yet_valid');
  assert.equal(await outcome({ ...AGENT_CLAIMS, nbf: NOW + 6 }), 'not_yet_valid');
});

test('every claim is required and has its form', async () => {
  for (const claim of ['iss', 'aud']) assert.match(await outcome({ ...AGENT_CLAIMS, [claim]: undefined }), /^wrong_/);
  for (const claim of ['sub', 'iat', 'nbf', 'exp', 'jti'])
    assert.equal(await outcome({ ...AGENT_CLAIMS, [claim]: undefined }), 'malformed', claim);
  assert.equal(await outcome({ ...AGENT_CLAIMS, jti: 'x'.repeat(15) }), 'malformed');
  assert.equal(await outcome({ ...AGENT_CLAIMS, jti: 'x'.repeat(16) }), 'ok');
  assert.equal(await outcome({ ...AGENT_CLAIMS, jti: 'x'.repeat(128) }), 'ok');
  assert.equal(await outcome({ ...AGENT_CLAIMS, jti: 'x'.repeat(129) }), 'malformed');
  assert.equal(await outcome({ ...AGENT_CLAIMS, exp: -1 }), 'malformed');
  assert.equal(await outcome({ ...AGENT_CLAIMS, sub: 'a'.repeat(65) }), 'malformed');
});

test('the subject can be peeked at without a valid signature', async () => {
  const token = await sign(AUDIT.privateKey, {}, AGENT_CLAIMS);
  assert.equal(agentJwtSubject(token), AGENT_CLAIMS.sub);
  assert.equal(agentJwtSubject('eyJ.x.y'), null);
  assert.equal(agentJwtSubject(await sign(AGENT.privateKey, {}, { sub: 7 })), null);
  assert.equal(agentJwtSubject(await sign(AGENT.privateKey, {}, { sub: 'a'.repeat(65) })), null);
});

test('base64url has one spelling: stray bits, padding and other characters are refused', () => {
  for (let length = 0; length <= 5; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => index * 77 + 3));
    const text = bytes.toString('base64url');
    if (length > 0) assert.deepEqual(decodeBase64url(text), bytes);
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=') {
      const other = text.slice(0, -1) + last;
      const canonical = Buffer.from(other, 'base64url').toString('base64url') === other && other !== '';
      assert.equal(decodeBase64url(other) !== null, canonical, other);
    }
  }
});

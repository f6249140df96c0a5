import assert from 'node:assert/strict';
import { sign as signBytes } from 'node:crypto';
import { test } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { checkEnrolmentKey, thumbprint, verifyChallenge, verifySignature } from '../src/keys.ts';
import { AGENT, AUDIT, ISSUER } from './fixtures.ts';

const CHALLENGE = 'ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM';
const SIGNED = 'G4qbgadFcPlDDpxZmyvO2nlbYpIMYzyR0qLnaHgs4HzOkX3Cum12ppsBekWdagVxPFh8T4gNvq2hHHBpJzdZBw';

test('the published thumbprints hold, and agree with another implementation', async () => {
  assert.equal(AGENT.jwk.x, 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg');
  assert.equal(thumbprint(AGENT.jwk), '1IG2tMH7J2wbJZnOf8LJzQitKf7LMvoAElsuDMVM54Y');
  assert.equal(ISSUER.jwk.x, 'JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0');
  assert.equal(thumbprint(ISSUER.jwk), 'WeVHjIQTOLKu-P74oC-WL-MNn_sLM5CvrzuMjDFC3-s');
  assert.equal(thumbprint(AUDIT.jwk), await calculateJwkThumbprint(AUDIT.jwk));
});

test('the published enrolment signature is over the challenge string, not over its bytes', () => {
  assert.equal(verifyChallenge(AGENT.jwk, CHALLENGE, SIGNED), true);
  const overBytes = signBytes(null, Buffer.from(CHALLENGE, 'base64url'), AGENT.privateKey).toString('base64url');
  assert.equal(verifyChallenge(AGENT.jwk, CHALLENGE, overBytes), false);
  assert.equal(verifyChallenge(AUDIT.jwk, CHALLENGE, SIGNED), false);
  assert.equal(verifyChallenge(AGENT.jwk, `${CHALLENGE}x`, SIGNED), false);
  for (const bad of ['', `${SIGNED}=`, SIGNED.slice(0, -2), `${SIGNED}AA`, `${SIGNED.slice(0, -1)}x`, `+${SIGNED.slice(1)}`]) {
    assert.equal(verifyChallenge(AGENT.jwk, CHALLENGE, bad), false);
  }
});

function problem(jwk: unknown): string | null {
  const check = checkEnrolmentKey(jwk);
  return check.ok ? null : check.problem;
}

test('an enrolment key is an Ed25519 public key and nothing else', () => {
  assert.deepEqual(checkEnrolmentKey({ ...AGENT.jwk, kid: 'mine' }), { ok: true, jwk: AGENT.jwk });
  assert.equal(problem(null), 'object');
  assert.equal(problem([AGENT.jwk]), 'object');
  assert.equal(problem({ ...AGENT.jwk, kty: 'EC' }), 'kty');
  assert.equal(problem({ ...AGENT.jwk, crv: 'X25519' }), 'crv');
  assert.equal(problem({ ...AGENT.jwk, x: 7 }), 'x');
  assert.equal(problem({ ...AGENT.jwk, x: `${AGENT.jwk.x}=` }), 'x');
  assert.equal(problem({ ...AGENT.jwk, x: 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMb9' }), 'x');
  assert.equal(problem({ ...AGENT.jwk, x: Buffer.alloc(31, 9).toString('base64url') }), 'x');
  assert.equal(problem({ ...AGENT.jwk, d: 'AAAA' }), 'private_key');
  assert.equal(problem({ ...AGENT.jwk, d: null }), 'private_key');
});

const P = 2n ** 255n - 19n;

test('all points of low order are refused, in every encoding', () => {
  // The y with 8·(x, y) = identity, found by solving the doubling formulas rather than by trusting a list.
  const d = mod(-121665n * invert(121666n));
  const ys = new Set<bigint>([0n, 1n, P - 1n]);
  // Order 8: 2·Q has y = 0, that is y² = -x², so with the curve equation d·y⁴ + 2·y² - 1 = 0.
  const root = squareRoot(mod(1n + d));
  for (const sign of [1n, -1n]) {
    const square = mod((-1n + sign * root) * invert(d));
    if (isSquare(square)) {
      const y = squareRoot(square);
      ys.add(y).add(mod(-y));
    }
  }
  assert.equal(ys.size, 5);
  for (const y of ys) {
    for (const bit of [0, 0x80]) assert.equal(problem({ ...AGENT.jwk, x: encode(y, bit) }), 'low_order', String(y));
  }
  for (let y = P; y < 2n ** 255n; y += 1n) assert.equal(problem({ ...AGENT.jwk, x: encode(y, 0) }), 'low_order');
  assert.equal(problem({ ...AGENT.jwk, x: encode(P - 2n, 0) }), null);
});

test('a key that is no point verifies nothing and does not throw', () => {
  assert.equal(verifySignature({ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }, Buffer.from('m'), Buffer.alloc(64)), false);
  assert.equal(verifySignature({ kty: 'OKP', crv: 'Ed25519', x: encode(7n, 0) }, Buffer.from('m'), Buffer.alloc(64)), false);
  assert.equal(verifySignature(AGENT.jwk, Buffer.from('m'), Buffer.alloc(63)), false);
});

function mod(value: bigint): bigint {
  return ((value % P) + P) % P;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}

function invert(value: bigint): bigint {
  return power(value, P - 2n);
}

function isSquare(value: bigint): boolean {
  return power(value, (P - 1n) / 2n) === 1n;
}

function squareRoot(value: bigint): bigint {
  const candidate = power(value, (P + 3n) / 8n);
  return mod(candidate * candidate) === value ? candidate : mod(candidate * power(2n, (P - 1n) / 4n));
}

function encode(y: bigint, signBit: number): string {
  const bytes = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse();
  bytes.writeUInt8(bytes.readUInt8(31) | signBit, 31);
  return bytes.toString('base64url');
}

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import { type AgentState, AGENT } from '../../src/domain/agent.ts';
import { CHALLENGE_LIFE_MS, challengeRefusal, decideEnrolment } from '../../src/domain/enrolment.ts';
import { agentOf, NOW } from './given.ts';

const ASKER = 'operator:op_1';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const { x = '' } = publicKey.export({ format: 'jwk' });
const key = { kty: 'OKP', crv: 'Ed25519', x };
const challenge = randomBytes(32).toString('base64url');
const signed = (bytes: string | Buffer): string => sign(null, Buffer.from(bytes), privateKey).toString('base64url');

function given(...challenges: Partial<AgentState['challenges'][number]>[]): AgentState {
  const one = { id: 'ach_1', challenge, expires_at_ms: NOW + CHALLENGE_LIFE_MS, principal: ASKER, used: false };
  return { ...AGENT.initial(), agent: agentOf(), challenges: challenges.map((more) => ({ ...one, ...more })) };
}

function outcome(state: AgentState, signature: string, asker = ASKER, now = NOW): string {
  const decided = decideEnrolment(state, { public_key: key, challenge_id: 'ach_1', signed_challenge: signature }, asker, now);
  if (decided.ok) return 'enrolled';
  const { metadata = {} } = decided.denial;
  const [field] = Array.isArray(metadata['fields']) ? metadata['fields'] : [];
  return field ? `${field.path} ${field.rule}` : String(metadata['reason']);
}

test('given an open challenge, then the signature of its text enrols, and no other signature does', () => {
  assert.equal(outcome(given({}), signed(challenge)), 'enrolled');
  for (const wrong of [
    signed(Buffer.from(challenge, 'base64url')),
    signed(`${challenge} `),
    Buffer.alloc(64).toString('base64url'),
    '',
    'x',
  ])
    assert.equal(outcome(given({}), wrong), 'signed_challenge signature');
});

test('given a challenge of five minutes ago, then it enrols to the last millisecond and not after', () => {
  assert.equal(outcome(given({}), signed(challenge), ASKER, NOW + CHALLENGE_LIFE_MS - 1), 'enrolled');
  assert.equal(outcome(given({}), signed(challenge), ASKER, NOW + CHALLENGE_LIFE_MS), 'challenge_id expired');
});

test('given a challenge that was used, or that another asked for, then it does not enrol', () => {
  assert.equal(outcome(given({ used: true }), signed(challenge)), 'challenge_used');
  assert.equal(outcome(given({}), signed(challenge), 'member:mem_1'), 'challenge_id unknown');
  assert.equal(outcome(given({ principal: 'ticket:a' }), signed(challenge), 'ticket:b'), 'challenge_id unknown');
  assert.equal(outcome(given(), signed(challenge)), 'challenge_id unknown');
});

test('given five open challenges, then there is no sixth until one is used or too old', () => {
  const open = [{}, {}, {}, {}, {}];
  assert.equal(challengeRefusal(given(...open), NOW)?.metadata?.['reason'], 'too_many_pending');
  assert.equal(challengeRefusal(given(...open, { used: true }), NOW)?.metadata?.['reason'], 'too_many_pending');
  assert.equal(challengeRefusal(given(...open.slice(1), { used: true }), NOW), null);
  assert.equal(challengeRefusal(given(...open), NOW + CHALLENGE_LIFE_MS), null);
  assert.equal(challengeRefusal({ ...given(), agent: agentOf({ status: 'suspended' }) }, NOW)?.metadata?.['reason'], 'agent_suspended');
});

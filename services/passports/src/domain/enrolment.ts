/** Enrolment of an agent's key (api.md §5.2): challenges, and the proof that somebody holds the key. Pure. */
import { denial, type Denial, invalid } from '@sallyport/contracts/errors.ts';
import { checkEnrolmentKey, type Ed25519Jwk, thumbprint, verifyChallenge } from '@sallyport/passport-verify/keys.ts';
import type { AgentState } from './agent.ts';

export const CHALLENGE_LIFE_MS = 300_000;
const MAX_OPEN = 5;

export function challengeRefusal(state: AgentState, nowMs: number): Denial | null {
  if (state.agent?.status === 'suspended') return denial('FORBIDDEN', 'The agent is suspended.', { reason: 'agent_suspended' });
  const open = state.challenges.filter((one) => !one.used && nowMs < one.expires_at_ms);
  return open.length >= MAX_OPEN ? denial('CONFLICT', 'Five challenges are open.', { reason: 'too_many_pending' }) : null;
}

export interface Enrolment {
  public_key: unknown;
  challenge_id: string;
  signed_challenge: string;
}

export type Enrolled = { ok: true; jwk: Ed25519Jwk; thumbprint: string } | { ok: false; denial: Denial };

/** `principal`: `<type>:<id>` of the caller; a challenge serves only who asked for it. Whether the key is another agent's is not judged here. */
export function decideEnrolment(state: AgentState, input: Enrolment, principal: string, nowMs: number): Enrolled {
  const key = checkEnrolmentKey(input.public_key);
  if (!key.ok) return bad(key.problem === 'private_key' ? 'public_key.d' : 'public_key', key.problem);
  const challenge = state.challenges.find((one) => one.id === input.challenge_id);
  if (!challenge || challenge.principal !== principal) return bad('challenge_id', 'unknown');
  if (challenge.used) return { ok: false, denial: denial('CONFLICT', 'The challenge was used.', { reason: 'challenge_used' }) };
  if (nowMs >= challenge.expires_at_ms) return bad('challenge_id', 'expired');
  if (!verifyChallenge(key.jwk, challenge.challenge, input.signed_challenge)) return bad('signed_challenge', 'signature');
  return { ok: true, jwk: key.jwk, thumbprint: thumbprint(key.jwk) };
}

export function keyInUse(): Denial {
  return denial('CONFLICT', 'The key belongs to another agent.', { reason: 'in_use' });
}

function bad(path: string, rule: string): Enrolled {
  return { ok: false, denial: invalid([{ path, rule }]) };
}

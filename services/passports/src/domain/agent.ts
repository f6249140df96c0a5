/** The agent: its object, its open enrolment challenges, its block and its revocations. Pure. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import {
  agentBlocked,
  agentChallenged,
  agentDeleted,
  agentEnrolled,
  agentRegistered,
  agentUnblocked,
  agentUpdated,
} from '@sallyport/contracts/facts/identity.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import { noRevocation, type Revocation, revocationOf } from './revocation.ts';
import { iso } from '@sallyport/contracts/time.ts';

export interface Challenge {
  id: string;
  challenge: string;
  expires_at_ms: number;
  /** Who asked for it: `<type>:<id>`. */
  principal: string;
  used: boolean;
}

export interface AgentState {
  /** Null: never registered. A deleted agent keeps its object, with that status. */
  agent: Agent | null;
  challenges: Challenge[];
  /** Who set the block: `review`, `operator`, or null. */
  blocked_by: string | null;
  /** The review that set it. */
  blocked_review: string | null;
  revocation: Revocation;
}

/** Challenges that are no longer open are kept a while, so that a second use is told from an unknown one. */
const KEPT_CHALLENGES = 32;

export const AGENT = {
  kind: 'agent',
  initial: (): AgentState => ({ agent: null, challenges: [], blocked_by: null, blocked_review: null, revocation: noRevocation }),
  evolve: evolveAgent,
};

export function evolveAgent(state: AgentState, fact: Fact, at: Position): AgentState {
  const registered = dataOf(agentRegistered, fact);
  if (registered) return { ...state, agent: registered.agent };
  const { agent } = state;
  if (!agent) return state;
  const change = (changes: Partial<Agent>): AgentState => ({ ...state, agent: { ...agent, ...changes, updated_at: iso(at.ts_ms) } });

  const updated = dataOf(agentUpdated, fact);
  if (updated) return change(updated.changes);
  if (dataOf(agentDeleted, fact)) return { ...change({ status: 'deleted', public_key: null, key_thumbprint: null }), challenges: [] };
  const blocked = dataOf(agentBlocked, fact);
  if (blocked) {
    const block = { passport_blocked: true, passport_blocked_reason: blocked.reason, passport_blocked_at: iso(at.ts_ms) };
    return { ...change(block), blocked_by: blocked.by, blocked_review: blocked.review_id ?? null };
  }
  if (dataOf(agentUnblocked, fact)) {
    return {
      ...change({ passport_blocked: false, passport_blocked_reason: null, passport_blocked_at: null }),
      blocked_by: null,
      blocked_review: null,
    };
  }
  const challenged = dataOf(agentChallenged, fact);
  if (challenged) {
    const { challenge_id: id, challenge, expires_at_ms, principal } = challenged;
    const made = { id, challenge, expires_at_ms, principal, used: false };
    return { ...state, challenges: [...state.challenges, made].slice(-KEPT_CHALLENGES) };
  }
  const enrolled = dataOf(agentEnrolled, fact);
  if (enrolled) {
    const { public_key, key_thumbprint, challenge_id } = enrolled;
    const challenges = state.challenges.map((one) => (one.id === challenge_id ? { ...one, used: true } : one));
    return { ...change({ public_key, key_thumbprint, enrolled_at: iso(at.ts_ms) }), challenges };
  }
  return { ...state, revocation: revocationOf(state.revocation, fact, at, 'bulk_agent') };
}

/** The agent while it is not deleted: a deleted one answers like one that never was (api.md §5.1). */
export function presentAgent(state: AgentState): Agent | null {
  return state.agent && state.agent.status !== 'deleted' ? state.agent : null;
}

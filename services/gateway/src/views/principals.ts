/** Keys, sessions and access tokens, by their SHA-256: asked once, then followed like passports. "Nobody's" is never kept. */
import { hash } from 'node:crypto';
import type { Bus } from '@sallyport/bus/connect.ts';
import { AgentView, PrincipalView, RefusedCredential } from '@sallyport/contracts/objects/views.ts';
import { agentResolve } from '@sallyport/contracts/operations/agents.ts';
import { principalResolve } from '@sallyport/contracts/operations/operator.ts';
import { hash12, target } from '@sallyport/contracts/target.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import { type Hash, hashOf } from '@sallyport/admission/entry.ts';
import { targetHash } from '@sallyport/admission/hashes.ts';
import type { Feed } from '../log/feed.ts';
import { askOwner, VIEW_MS } from './ask.ts';
import { type Holds, type Kept, stillHolds } from './kept.ts';
import { createQuestions } from './questions.ts';

export interface KnownPrincipal extends Kept {
  view: PrincipalView;
  /** Target of the key or member, for entries. */
  caller: Hash | undefined;
  asked_at: number;
}

/** `sha256`: of the whole token. */
export interface PersonBearer {
  token: string;
  sha256: string;
}

export interface Principals {
  kept(sha256: string): { known: KnownPrincipal; holds: Holds } | null;
  /** Null: nobody's key. Throws Unanswered. */
  ask(sha256: string, since: number, requestId: string): Promise<KnownPrincipal | null>;
  /** A session or access token; `refused`: why it is nobody's. Throws Unanswered. */
  askToken(token: PersonBearer, since: number, requestId: string): Promise<KnownPrincipal | RefusedCredential | null>;
  /** An agent that is not the passport's own; never kept. Throws Unanswered. */
  askAgent(agentId: string, requestId: string): Promise<AgentView | null>;
}

export function personBearer(token: string): PersonBearer {
  return { token, sha256: hash('sha256', token, 'hex') };
}

/** A key of this set that is revoked takes what it signed with it. */
const SIGNED_BY = targetHash(target('keyset', 'session'));

const MAX_KEPT = 10_000;

export function createPrincipals(bus: Bus, feed: Feed): Principals {
  const kept = new Map<string, KnownPrincipal>();
  const questions = createQuestions<KnownPrincipal | RefusedCredential | null>(VIEW_MS);
  const agents = createQuestions<AgentView | null>(VIEW_MS);

  async function send(sha256: string, shown: object, requestId: string): Promise<KnownPrincipal | RefusedCredential | null> {
    const askedAt = performance.now();
    const answer = await askOwner(bus, principalResolve, { ...shown, min_seq: feed.lastFence() }, requestId);
    if (!answer.ok) throw new Error(`principal.resolve was refused: ${answer.denial.code}`);
    kept.delete(sha256);
    if (answer.body === null || matches(RefusedCredential, answer.body)) return answer.body;
    if (!matches(PrincipalView, answer.body)) throw new Error('principal.resolve answered in another shape');
    const known = knownOf(answer.body, feed.streamTime(), askedAt);
    kept.set(sha256, known);
    for (const oldest of kept.size > MAX_KEPT ? kept.keys().take(1) : []) kept.delete(oldest);
    return known;
  }

  async function sendAgent(agentId: string, requestId: string): Promise<AgentView | null> {
    const answer = await askOwner(bus, agentResolve, { agent_id: agentId, min_seq: feed.lastFence() }, requestId);
    if (!answer.ok) throw new Error(`agent.resolve was refused: ${answer.denial.code}`);
    return matches(AgentView, answer.body) ? answer.body : null;
  }

  return {
    kept: (sha256) => {
      const known = kept.get(sha256);
      return known ? { known, holds: stillHolds(known, feed) } : null;
    },
    ask: async (sha256, since, requestId) => {
      const { value } = await questions.ask(sha256, since, () => send(sha256, { sha256 }, requestId));
      return value && 'view' in value ? value : null;
    },
    askToken: async ({ token, sha256 }, since, requestId) =>
      (await questions.ask(sha256, since, () => send(sha256, { token }, requestId))).value,
    askAgent: async (agentId, requestId) => (await agents.ask(agentId, performance.now(), () => sendAgent(agentId, requestId))).value,
  };
}

function knownOf(view: PrincipalView, streamTime: number, askedAt: number): KnownPrincipal {
  const { principal, position } = view;
  const caller = principal.target === '' ? undefined : hashOf(hash12(principal.target));
  const member = principal.type === 'member' ? [targetHash(target('member', principal.id))] : [];
  if (principal.credential === 'session' || principal.credential === 'access_token') member.push(SIGNED_BY);
  return {
    view,
    caller,
    targets: caller === undefined ? member : [caller, ...member],
    position,
    checked: position,
    checked_at: streamTime,
    asked_at: askedAt,
  };
}

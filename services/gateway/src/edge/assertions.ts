/**
 * Single-use agent JWTs of control writes (api.md §3.3): their use goes into the log, and its verdict decides, so that there is one order for all
 * gateways and all calls. Owners refuse such a call without the position of its use.
 */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import { assertionUsed } from '@sallyport/contracts/facts/calls.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { jwtHash } from '@sallyport/admission/hashes.ts';
import { agentJwtSubject, verifyAgentJwt } from '@sallyport/passport-verify/agent-jwt.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { OwnRecord } from '../log/feed.ts';
import type { Records } from '../log/records.ts';
import type { Principals } from '../views/principals.ts';

export type Used = { ok: true; seq: number } | { ok: false; denial: Denial };

export interface Assertions {
  /** Verifies and uses it. Throws Unanswered when the agent's key cannot be learnt in time. */
  use(token: string, operation: string, call: { request_id: string; traceparent: string }): Promise<Used>;
}

export function createAssertions(deps: { clock: Clock; records: Records; principals: Principals }): Assertions {
  const { clock, records, principals } = deps;

  return {
    use: async (token, operation, { request_id, traceparent }) => {
      const subject = agentJwtSubject(token);
      if (subject === null) return refuse('malformed');
      const agent = (await principals.askAgent(subject, request_id))?.agent;
      if (!agent?.public_key || agent.status === 'deleted') return refuse('not_enrolled');
      const verdict = verifyAgentJwt(token, { jwk: agent.public_key, now_seconds: Math.floor(clock.now() / 1000) });
      if (!verdict.ok) return refuse(verdict.reason);
      const now = clock.now();
      const jwt = jwtHash(agent.id, verdict.jti);
      const fact = {
        id: newId('event', now),
        type: assertionUsed.type,
        v: assertionUsed.v,
        at: now,
        operator_id: agent.operator_id,
        agent_id: agent.id,
        actor: { type: 'agent', id: agent.id } as const,
        request_id,
        traceparent,
        data: { operation },
      };
      const own = await new Promise<OwnRecord | null>((resolve) => records.readBack(fact, records.assertion(jwt), resolve));
      if (own?.verdict.admitted) return { ok: true, seq: own.seq };
      if (own && !own.verdict.admitted && own.verdict.reason === 'jwt_replayed') return refuse('jti_replayed');
      return { ok: false, denial: { ...denial('AUDIT_UNAVAILABLE', 'The event log did not take the use of this token.'), retry_after: 1 } };
    },
  };
}

function refuse(reason: string): Used {
  return { ok: false, denial: denial('UNAUTHORIZED', 'The agent token cannot be used.', { reason }) };
}

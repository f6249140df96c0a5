/**
 * Who calls (api.md §3): the owner of an operation finds out itself, from the bearer as it came. Guarantees that a principal is only ever the outcome of
 * a signature or a key that was checked here. Does not judge whether the principal may call: that is `permit.ts`.
 */
import type { BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { AgentView, PrincipalView, RefusedCredential } from '@sallyport/contracts/objects/views.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { agentJwtSubject, verifyAgentJwt } from '@sallyport/passport-verify/agent-jwt.ts';
import { isPersonToken } from '@sallyport/passport-verify/person-token.ts';
import { readToken } from '@sallyport/passport-verify/token.ts';

export interface AuthenticatorDeps {
  /** The holder of a key by the SHA-256 (hex) of the whole key; null for no live member or operator. */
  resolvePrincipal(sha256: string, call: BusCall): Promise<PrincipalView | null>;
  /** The person behind a session or access token, whole; `refused` says why nobody is. */
  resolveToken(token: string, call: BusCall): Promise<PrincipalView | RefusedCredential | null>;
  resolveAgent(agentId: string, call: BusCall): Promise<AgentView | null>;
  /** Where tickets are good for something: who approved one that lives. */
  resolveTicket?(sha256: string, call: BusCall): Promise<Principal | null>;
  /** Unix ms. */
  now(): number;
}

export type Authentication = { principal: Principal } | { denial: Denial };
export type Authenticate = (call: BusCall, operation: Pick<Operation, 'single_use' | 'by_ticket'>) => Promise<Authentication>;

export function createAuthenticator({ resolvePrincipal, resolveToken, resolveAgent, resolveTicket, now }: AuthenticatorDeps): Authenticate {
  async function byKey(sha256: string, call: BusCall): Promise<Authentication> {
    const view = /^[0-9a-f]{64}$/.test(sha256) ? await resolvePrincipal(sha256, call) : null;
    if (!view || (view.expires_at_ms !== null && view.expires_at_ms <= now())) {
      return { denial: denial('INVALID_API_KEY', 'This key belongs to nobody.') };
    }
    return { principal: view.principal };
  }

  async function byPersonToken(token: string, call: BusCall): Promise<Authentication> {
    const told = await resolveToken(token, call);
    if (!told) return unauthorized('bad_signature');
    if ('refused' in told) return unauthorized(told.refused.reason);
    return told.expires_at_ms !== null && told.expires_at_ms <= now() ? unauthorized('expired') : { principal: told.principal };
  }

  async function byJwt(token: string, call: BusCall, singleUse: boolean): Promise<Authentication> {
    const read = readToken(token);
    if (read === null) return unauthorized('malformed');
    return isPersonToken(read) ? byPersonToken(token, call) : byAgentJwt(token, call, singleUse);
  }

  async function byAgentJwt(token: string, call: BusCall, singleUse: boolean): Promise<Authentication> {
    const subject = agentJwtSubject(token);
    if (subject === null) return unauthorized('malformed');
    const agent = (await resolveAgent(subject, call))?.agent;
    if (!agent?.public_key || agent.status === 'deleted') return unauthorized('not_enrolled');
    const verdict = verifyAgentJwt(token, { jwk: agent.public_key, now_seconds: Math.floor(now() / 1000) });
    if (!verdict.ok) return unauthorized(verdict.reason);
    // The edge puts the use of a single-use JWT into the log and waits for the verdict; without that this may be a replay (api.md §3.3).
    if (singleUse && call.assertion_seq === undefined)
      return { denial: denial('AUDIT_UNAVAILABLE', 'The use of this token is not in the log.') };
    const { id, operator_id } = agent;
    return {
      principal: {
        type: 'agent',
        id,
        operator_id,
        role: null,
        credential: 'agent_jwt',
        allowed_connections: null,
        scopes: null,
        target: '',
      },
    };
  }

  async function byTicket(sha256: string, call: BusCall): Promise<Authentication> {
    const principal = /^[0-9a-f]{64}$/.test(sha256) ? await resolveTicket?.(sha256, call) : null;
    return principal ? { principal } : unauthorized('expired');
  }

  return async (call, operation) => {
    const { bearer } = call;
    switch (bearer.kind) {
      case 'none':
        return unauthorized('missing');
      case 'key':
        return byKey(bearer.sha256, call);
      case 'jwt':
        return byJwt(bearer.token, call, operation.single_use === true);
      case 'ticket':
        return operation.by_ticket && resolveTicket ? byTicket(bearer.sha256, call) : unauthorized('wrong_credential_kind');
    }
  };
}

export function unauthorized(reason: string): { denial: Denial } {
  return { denial: denial('UNAUTHORIZED', 'The caller could not be authenticated.', { reason }) };
}

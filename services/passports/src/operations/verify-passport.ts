/** `POST /v1/passports/verify` (api.md §6): is this token good now? Says nothing about possession of its key. */
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { verifyPassport } from '@sallyport/contracts/operations/passports.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { PassportClaims } from '@sallyport/passport-verify/claims.ts';
import { verifyPassport as verifyToken } from '@sallyport/passport-verify/passport.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { blockedDenial, deadDenial, lifeOf } from '../domain/life.ts';
import { suspendedDenial } from '../domain/issue.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { readFamily, readPassport } from '../reading.ts';

export function verifyPassportOperation(deps: Deps): OperationHandler<typeof verifyPassport> {
  return async ({ operation, body }) => {
    const now = deps.clock.now();
    const { issuer } = deps;
    const keys = await nullWithoutLog(deps.signer.keys());
    if (!keys) return stale();
    const verdict = verifyToken(body.token, { keys, issuer, now_seconds: Math.floor(now / 1000), accept_expired: true });
    if (!verdict.ok) return success(operation, { valid: false, code: 'UNAUTHORIZED', reason: verdict.reason, jti: null });
    const { claims } = verdict;
    const state = await nullWithoutLog(stateOf(deps, claims, now));
    if (!state) return stale();
    if ('refusal' in state) {
      const { code, metadata } = state.refusal;
      return success(operation, { valid: false, code, reason: metadata?.['reason'] ?? null, jti: claims.jti });
    }
    const { stk } = claims;
    return success(operation, {
      valid: true,
      code: null,
      reason: null,
      jti: claims.jti,
      agent_id: stk.agent_id,
      operator_id: stk.operator_id,
      session_id: stk.session_id,
      expires_at: iso(state.expires_at_ms),
      accountability: stk.accountability,
      delegation_depth: stk.delegation_depth,
      service_in_scope: body.service_id ? inScope(claims, body.service_id) : null,
      claims,
    });
  };
}

function nullWithoutLog<T>(read: Promise<T>): Promise<T | null> {
  return read.catch((error: unknown) => {
    if (error instanceof LedgerUnavailable) return null;
    throw error;
  });
}

function stale(): BusAnswer {
  return refuse({ ...denial('REVOCATION_STATE_STALE', 'Whether the passport lives cannot be read now.'), retry_after: 1 });
}

async function stateOf(deps: Deps, { jti, stk }: PassportClaims, now: number): Promise<{ refusal: Denial } | { expires_at_ms: number }> {
  const { load } = deps.ledger;
  const passport = isId('operator', stk.operator_id) ? await readPassport(load, stk.operator_id, jti) : null;
  // Signed by our key and not in the log: nothing that this platform issued.
  if (!passport) return { refusal: denial('UNAUTHORIZED', 'Unknown passport.', { reason: 'bad_signature' }) };
  const family = await readFamily(load, stk.operator_id, passport);
  const life = lifeOf(family, now);
  if (life.state !== 'live') return { refusal: deadDenial(jti, life) };
  const blocked = blockedDenial(family.self.agent, family.operator);
  if (blocked) return { refusal: blocked };
  if (family.self.agent.agent?.status !== 'active') return { refusal: { ...suspendedDenial(), code: 'PASSPORT_BLOCKED' } };
  return { expires_at_ms: life.expires_at_ms };
}

function inScope({ stk }: PassportClaims, service: string): boolean {
  return stk.services.some(({ connection_id, service_name }) => connection_id === service || service_name === service);
}

/**
 * May a credential leave for this passport (api.md §12.1)? Vault's own judgement on what `passports` told it; the gateway's is not believed.
 * Pure. Possession of the agent's key is the gateway's to check: vault never sees the call.
 */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { PassportClaims } from '@sallyport/contracts/objects/passport.ts';
import type { ResolvedPassport } from '@sallyport/contracts/objects/views.ts';

type Genuine = { jti: string; sub: string; stk: Pick<PassportClaims['stk'], 'operator_id' | 'agent_id'> };

/** `claims`: of a verified token. Null when the connection's credential may be opened. */
export function refuseAccess(resolved: ResolvedPassport, claims: Genuine, connectionId: string, nowMs: number): Denial | null {
  const { passport, mission, agent, operator } = resolved;
  if (passport.jti !== claims.jti || passport.operator_id !== claims.stk.operator_id || passport.agent_id !== claims.stk.agent_id) {
    return denial('UNAUTHORIZED', 'The passport is not known.', { reason: 'bad_signature' });
  }
  if (passport.state === 'lapsed' || (passport.state === 'live' && passport.expires_at_ms <= nowMs)) {
    return denial('PASSPORT_EXPIRED', `Passport ${passport.jti} has expired.`);
  }
  if (passport.state !== 'live') {
    return denial('PASSPORT_REVOKED', `Passport ${passport.jti} is dead.`, { reason: passport.reason ?? passport.state });
  }
  if (mission.state === 'expired') return denial('PASSPORT_EXPIRED', `Passport ${passport.jti} has expired.`);
  if (mission.state !== 'open') return denial('PASSPORT_REVOKED', 'The mission has ended.', { reason: `mission_${mission.state}` });
  if (operator.frozen) return denial('PASSPORT_BLOCKED', 'The operator is frozen.', { reason: 'operator_frozen' });
  if (agent.agent.status !== 'active') return denial('FORBIDDEN', 'The agent is suspended.', { reason: 'agent_suspended' });
  const access = passport.services.some((service) => service.connection_id === connectionId) ? resolved.access[connectionId] : undefined;
  if (!access) return denial('FORBIDDEN', 'The passport does not hold this connection.', { reason: 'service_not_granted' });
  const { grant } = access;
  if (!grant || (grant.expires_at_ms !== null && grant.expires_at_ms <= nowMs)) {
    return denial('FORBIDDEN', 'The grant was removed.', { reason: 'grant_revoked' });
  }
  return null;
}

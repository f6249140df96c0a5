/** The token's payload from the passport's facts (api.md §6.1), and what an issue answers. Pure. */
import type { PassportClaims } from '@sallyport/contracts/objects/passport.ts';
import type { IssuedPassport, Passport } from '@sallyport/contracts/objects/passport.ts';
import type { Issued, PassportState } from './passport.ts';
import type { Life } from './life.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';

/** `expiresAtMs`: a checkpoint moves it; everything else stays as issued. */
export function claimsOf(operatorId: string, issued: Issued, expiresAtMs: number): PassportClaims {
  const seconds = Math.floor(issued.issued_at_ms / 1000);
  return {
    iss: issued.issuer,
    aud: 'stack:passport',
    sub: issued.agent_id,
    jti: issued.jti,
    iat: seconds,
    nbf: seconds,
    exp: Math.floor(expiresAtMs / 1000),
    ...(issued.cnf_jkt !== null && { cnf: { jkt: issued.cnf_jkt } }),
    stk: {
      operator_id: operatorId,
      agent_id: issued.agent_id,
      agent_name: issued.agent_name,
      services: issued.services,
      identity_claims: [],
      delegation_depth: issued.depth,
      mission_ids: [issued.mission_id],
      session_id: issued.session_id,
      accountability: issued.mode,
      ...(issued.intent_summary !== '' && { intent_summary: issued.intent_summary }),
      intent_services: issued.intent_services,
      ...(issued.mode !== 'standard' && { checkpoint_interval: issued.checkpoint_interval }),
      ...(issued.parent_passport_id !== null && { parent_passport_id: issued.parent_passport_id }),
    },
  };
}

/** `expiresAtMs`: no later than the parents' own. */
export function issuedAnswer(issued: Issued, token: string, expiresAtMs: number): IssuedPassport {
  return {
    token,
    jti: issued.jti,
    expires_at: iso(expiresAtMs),
    accountability: issued.mode,
    mission_id: issued.mission_id,
    session_id: issued.session_id,
    agent_id: issued.agent_id,
    delegation_depth: issued.depth,
    parent_passport_id: issued.parent_passport_id,
    services: serviceNames(issued),
    checkpoint_interval_seconds: issued.checkpoint_interval,
    next_checkpoint_by: isoOrNull(nextCheckpoint(issued, issued.issued_at_ms, expiresAtMs)),
    max_expires_at: iso(issued.deadline_ms),
  };
}

export function serviceNames(issued: Pick<Issued, 'services'>): string[] {
  return [...new Set(issued.services.map(({ service_name }) => service_name))];
}

/** When the next checkpoint is due: the expiry of an enforced passport, advice for a logged one, never for a standard one. */
export function nextCheckpoint(issued: Issued, lastMs: number, expiresAtMs: number): number | null {
  if (issued.mode === 'standard') return null;
  return issued.mode === 'enforced' ? expiresAtMs : Math.min(lastMs + issued.checkpoint_interval * 1000, issued.deadline_ms);
}

const STATUS = { live: 'active', lapsed: 'expired', revoked: 'revoked', superseded: 'superseded', checked_out: 'checked_out' } as const;

export function passportObject(passport: PassportState & { issued: Issued }, life: Life, lastUsedMs: number | null): Passport {
  const { issued } = passport;
  const revoked = life.state === 'revoked' ? life : null;
  return {
    jti: issued.jti,
    mission_id: issued.mission_id,
    agent_id: issued.agent_id,
    session_id: issued.session_id,
    status: STATUS[life.state],
    accountability: issued.mode,
    services: serviceNames(issued),
    intent_summary: issued.intent_summary || null,
    parent_passport_id: issued.parent_passport_id,
    delegation_depth: issued.depth,
    issued_at: iso(issued.issued_at_ms),
    expires_at: iso(life.expires_at_ms),
    next_checkpoint_by: isoOrNull(nextCheckpoint(issued, passport.last_checkpoint_at_ms ?? issued.issued_at_ms, life.expires_at_ms)),
    last_used_at: isoOrNull(lastUsedMs),
    revoked_at: isoOrNull(revoked?.at_ms ?? null),
    revoke_reason: revoked?.reason ?? null,
  };
}

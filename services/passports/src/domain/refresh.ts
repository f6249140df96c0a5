/**
 * Refresh (api.md §6): a new jti in the line of an old passport, with what is left of its scope. Guarantees that it never makes a passport wider, and never lets an
 * enforced one live longer than its last checkpoint allowed. Pure: ids, time and key come from the caller.
 */
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { Access } from './access.ts';
import { cutServices } from './cut.ts';
import { grantedOf, type IssueOutcome, missingIntent, rank } from './issue.ts';
import { deadDenial, type Family, lifeAbove, lifeOf } from './life.ts';
import type { Issued, PassportState } from './passport.ts';

/** After its expiry, for what is not enforced. */
export const REFRESHABLE_MS = 86_400_000;
const DEFAULT_TTL_SECONDS = 900;

/** Null: the passport may be refreshed now. Its mission was judged before. */
export function refreshRefusal(family: Family, nowMs: number): Denial | null {
  const { passport } = family.self;
  const { jti, mode } = passport.issued;
  const above = lifeAbove(family, nowMs);
  if (above && above.state !== 'live') return deadDenial(jti, above);
  const life = lifeOf(family, nowMs);
  if (life.state === 'live') return null;
  if (life.state !== 'lapsed' || mode === 'enforced') return deadDenial(jti, life);
  return nowMs < passport.expires_at_ms + REFRESHABLE_MS ? null : deadDenial(jti, life);
}

export interface RefreshInput {
  passport: PassportState & { issued: Issued };
  agent: Agent;
  access: readonly Access[];
  ttl_seconds: number | null;
  /** The mission's end. */
  deadline_ms: number;
  now_ms: number;
  jti: string;
  kid: string;
  issuer: string;
  issued_by: { type: string; id: string };
}

export function decideRefresh(input: RefreshInput): IssueOutcome {
  const { passport, agent, now_ms, deadline_ms } = input;
  const old = passport.issued;
  // A raised mode holds for the new token; a lowered one touches only what is issued anew.
  const mode = rank(agent.accountability_mode) > rank(old.mode) ? agent.accountability_mode : old.mode;
  if (mode !== 'standard' && old.intent_summary === '') return { ok: false, denial: missingIntent(mode) };
  const cut = cutServices(old.services, input.access);
  if (!cut.ok) return cut;
  const { services } = cut;
  const ttl_seconds = input.ttl_seconds ?? DEFAULT_TTL_SECONDS;
  const fresh = now_ms + (mode === 'enforced' ? Math.min(ttl_seconds, old.checkpoint_interval) : ttl_seconds) * 1000;
  const expires_at_ms = Math.min(old.mode === 'enforced' ? passport.expires_at_ms : fresh, deadline_ms);
  return {
    ok: true,
    issued: {
      ...old,
      jti: input.jti,
      agent_name: agent.name,
      mode,
      cnf_jkt: agent.key_thumbprint,
      services,
      granted: grantedOf(services),
      issued_at_ms: now_ms,
      ttl_seconds,
      expires_at_ms,
      deadline_ms,
      kid: input.kid,
      issuer: input.issuer,
      issued_by: input.issued_by,
    },
  };
}

/** A token of this platform that stands for no passport of the caller's operator. */
export function unknownToken(): Denial {
  return denial('NOT_FOUND', 'The passport was not found.');
}

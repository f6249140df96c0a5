/** Step 4 of api.md §8.2: passport and mission live, agent active, operator not frozen. Pure. */
import type { Standing } from '../pipeline.ts';
import { forbidden, type Refusal, refusal } from '../refusal.ts';

export type Life = { ok: true; over_caps: string[] } | { ok: false; refusal: Refusal };

const no = (refused: Refusal): Life => ({ ok: false, refusal: refused });

export function checkLife({ passport, mission, agent, operator }: Standing, nowMs: number): Life {
  const { jti } = passport;
  switch (passport.state) {
    case 'live':
      break;
    case 'revoked':
      return no(revoked(jti, passport.reason ?? 'revoked'));
    case 'superseded':
    case 'checked_out':
      return no(revoked(jti, passport.state));
    case 'lapsed':
      return no(expired(jti));
  }
  if (mission.state === 'completed') return no(revoked(jti, 'mission_completed'));
  if (mission.state === 'revoked') return no(revoked(jti, 'mission_revoked'));
  if (agent.agent.status === 'deleted') return no(revoked(jti, 'Agent deleted'));
  if (mission.state === 'expired' || mission.expires_at_ms <= nowMs || passport.expires_at_ms <= nowMs) return no(expired(jti));
  const duration = overDuration({ mission }, nowMs);
  if (duration && !duration.flag) {
    const message = `Mission ${mission.mission_id} has run longer than its cap allows.`;
    return no(forbidden('mission_cap', message, { cap: 'max_duration_seconds', limit: duration.limit, used: duration.used }));
  }
  if (agent.agent.status === 'suspended') return no(forbidden('agent_suspended', 'The agent is suspended.'));
  if (operator.frozen) return no(refusal('PASSPORT_BLOCKED', 'The operator is frozen.', { reason: 'operator_frozen' }));
  return { ok: true, over_caps: duration ? ['max_duration_seconds'] : [] };
}

function revoked(jti: string, reason: string): Refusal {
  return refusal('PASSPORT_REVOKED', `Passport ${jti} was revoked.`, { reason });
}

function expired(jti: string): Refusal {
  return refusal('PASSPORT_EXPIRED', `Passport ${jti} has expired.`);
}

/** Of the mission, and of those above it: their time runs for its calls too. */
function overDuration({ mission }: Pick<Standing, 'mission'>, nowMs: number): { limit: number; used: number; flag: boolean } | null {
  const over = [mission, ...mission.above].flatMap(({ caps, cap_behavior, opened_at_ms }) => {
    const limit = caps.max_duration_seconds;
    const used = Math.floor((nowMs - opened_at_ms) / 1000);
    return limit === undefined || used < limit ? [] : [{ limit, used, flag: cap_behavior['max_duration_seconds'] === 'flag' }];
  });
  return over.find(({ flag }) => !flag) ?? over[0] ?? null;
}

/** How an attempt of a lost gateway ends (api.md §8.6): refused by the log, or sent, and nobody can say what came of it. Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { callAttempted, callCompleted, callDenied } from '@sallyport/contracts/facts/calls.ts';
import { repeated, type Stamp } from '../proxy/facts.ts';

const actor = { type: 'service', id: 'gateway' } as const;

/** `reason`: why the log refused it; null: it was admitted. Null for a fact that is no attempt. */
export function closingOf(opened: Fact, reason: string | null, stamp: Stamp): Fact | null {
  const data = dataOf(callAttempted, opened);
  if (!data) return null;
  const { operator_id, agent_id, session_id, mission_id, jti } = opened;
  const whose = Object.fromEntries(Object.entries({ agent_id, session_id, mission_id, jti }).filter(([, value]) => value !== undefined));
  const base = { ...stamp, operator_id, actor, ...whose, causation_id: opened.id };
  const { boot_id: _boot, ...call } = data;
  if (reason !== null) {
    const refused = {
      attempt_id: opened.id,
      code: reason === 'revoked' || reason === 'ended' ? 'PASSPORT_REVOKED' : 'AUDIT_UNAVAILABLE',
      reason,
      message: 'The log refused the call, and its gateway was lost before it said so.',
      gate_reason: null,
      changed: [],
      failed: null,
      intent_services: [],
      granted_providers: [],
      held: false,
    };
    return { ...base, type: callDenied.type, v: callDenied.v, data: { ...call, ...refused } };
  }
  const ended = {
    ...repeated(call),
    attempt_id: opened.id,
    outcome: 'unknown',
    sent: true,
    status: null,
    upstream: 'unknown',
    error_code: 'GATEWAY_LOST',
    resp_bytes: 0,
    dur_ms: 0,
    over_caps: [],
  };
  return { ...base, type: callCompleted.type, v: callCompleted.v, data: ended };
}

/** Facts about signals and people's dealings with them; written by `detectors` (detectors.md 1.9, 6.1). */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { Mode } from '../objects/agent.ts';
import { nullable, oneOf } from '../schema.ts';

export const signalRaised = factType(
  'signal.raised',
  1,
  Type.Object({
    signal_id: Type.String(),
    detector: Type.String(),
    detector_version: Type.String(),
    /** Mission, session or agent id. */
    key: Type.String(),
    once: Type.String(),
    code: Type.String(),
    severity: oneOf(['info', 'warning', 'critical']),
    mode: Mode,
    message: Type.String(),
    metadata: Type.Record(Type.String(), Type.Unknown()),
    effect: oneOf(['none', 'revoke', 'revoke_session', 'revoke_agent']),
    /** `<detector>_fire: <code>` where the effect revokes. */
    effect_reason: nullable(Type.String()),
    cause_seq: Type.Integer(),
    dry_run: Type.Boolean(),
  }),
);
export const signalRepeated = factType(
  'signal.repeated',
  1,
  Type.Object({ signal_id: Type.String(), count: Type.Integer(), last_at_ms: Type.Integer() }),
);
export const securityEventAcknowledged = factType('security_event.acknowledged', 1, Type.Object({ signal_id: Type.String() }));
export const securityEventResolved = factType(
  'security_event.resolved',
  1,
  Type.Object({ signal_id: Type.String(), resolution: Type.String(), note: nullable(Type.String()) }),
);

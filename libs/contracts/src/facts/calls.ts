/** Facts about calls; written by `gateway` (api.md §8.6; detectors.md 1.4). Digests and features, never bodies or query strings. */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { Mode } from '../objects/agent.ts';
import { nullable, oneOf } from '../schema.ts';

const Source = Type.Object({ net: nullable(Type.String()), inst: nullable(Type.String()), key_thumb: nullable(Type.String()) });

const call = {
  call_id: Type.String(),
  service: Type.String(),
  connection_id: nullable(Type.String()),
  method: Type.String(),
  class: oneOf(['read', 'write', 'delete']),
  host: nullable(Type.String()),
  path: nullable(Type.String()),
  override: Type.Optional(Type.Boolean()),
  call_digest: nullable(Type.String()),
  shape: nullable(Type.String()),
  resource: nullable(Type.String()),
  dests: Type.Array(Type.String()),
  words: Type.Array(Type.String()),
  body_keys: Type.Array(Type.String()),
  req_bytes: Type.Integer(),
  bound: Type.Boolean(),
  approval_id: nullable(Type.String()),
  operation_id: nullable(Type.String()),
  mode: Mode,
  depth: Type.Integer(),
  src: Source,
  received_at_ms: Type.Integer(),
  feat: Type.Record(Type.String(), Type.Unknown()),
};

export const callAttempted = factType('call.attempted', 1, Type.Object({ ...call, boot_id: Type.String() }));

/** `attempt_id`: the fact `evt_…` of the attempt that this closes, where there was one. */
export const callDenied = factType(
  'call.denied',
  1,
  Type.Object({
    ...call,
    attempt_id: nullable(Type.String()),
    code: Type.String(),
    reason: nullable(Type.String()),
    message: Type.String(),
    gate_reason: nullable(Type.String()),
    changed: Type.Array(Type.String()),
    failed: nullable(Type.Object({ path: Type.String(), op: Type.String(), value_hash: nullable(Type.String()) })),
    intent_services: Type.Array(Type.String()),
    granted_providers: Type.Array(Type.String()),
    /** Detectors make this critical for an enforced passport (detectors.md 2.1): the gateway holds its next calls. */
    held: Type.Boolean(),
  }),
);

export const callCompleted = factType(
  'call.completed',
  1,
  Type.Object({
    call_id: Type.String(),
    attempt_id: Type.String(),
    service: Type.String(),
    connection_id: nullable(Type.String()),
    method: Type.String(),
    host: nullable(Type.String()),
    path: nullable(Type.String()),
    override: Type.Optional(Type.Boolean()),
    call_digest: nullable(Type.String()),
    approval_id: nullable(Type.String()),
    operation_id: nullable(Type.String()),
    /** success: an upstream answer came; failure: none; unknown: nobody can say (the gateway was lost). */
    outcome: oneOf(['success', 'failure', 'unknown']),
    /** False: no byte went upstream; the operation id and its count are free again. */
    sent: Type.Boolean(),
    status: nullable(Type.Integer()),
    upstream: oneOf(['ok', 'denied', 'not_found', 'limited', 'client_error', 'server_error', 'timeout', 'network', 'unknown']),
    error_code: nullable(Type.String()),
    resp_bytes: Type.Integer(),
    dur_ms: Type.Integer(),
    over_caps: Type.Array(Type.String()),
    feat: Type.Record(Type.String(), Type.Unknown()),
  }),
);

/** A single-use agent JWT was used by a control write (api.md §3.3). No closing, no audit row. */
export const assertionUsed = factType('assertion.used', 1, Type.Object({ operation: Type.String() }));
/** First entry of a gateway start: its boot id and the public key that secrets are sealed to. No audit row. */
export const gatewayStarted = factType(
  'gateway.started',
  1,
  Type.Object({ boot_id: Type.String(), instance: Type.String(), seal_key: Type.Record(Type.String(), Type.String()) }),
);
/** Later entries of that boot are refused; its open attempts are closed as unknown. No audit row. */
export const bootClosed = factType('boot.closed', 1, Type.Object({ boot_id: Type.String() }));

export const auditExported = factType(
  'audit.exported',
  1,
  Type.Object({ format: Type.String(), from: nullable(Type.String()), to: nullable(Type.String()), agent_id: nullable(Type.String()) }),
);

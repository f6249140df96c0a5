/**
 * The error catalogue of api.md §2: code → HTTP status, and the reasons of §2.1. `Denial` is an expected refusal, a value;
 * outages and defects are exceptions and become INTERNAL_ERROR or AUDIT_UNAVAILABLE at one place, the edge.
 */
export const ERRORS = {
  INVALID_REQUEST: 400,
  ACCOUNTABILITY_REQUIRED: 400,
  SCOPE_ESCALATION: 400,
  DELEGATION_DEPTH_EXCEEDED: 400,
  DELEGATION_ACCOUNTABILITY_VIOLATION: 400,
  UNAUTHORIZED: 401,
  INVALID_API_KEY: 401,
  PASSPORT_EXPIRED: 401,
  PASSPORT_REVOKED: 401,
  FORBIDDEN: 403,
  GOVERNANCE_APPROVAL_REQUIRED: 403,
  MISSION_ENDED: 403,
  PASSPORT_BLOCKED: 403,
  DESTINATION_FORBIDDEN: 403,
  NOT_FOUND: 404,
  CHECKPOINT_NOT_AVAILABLE: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  IDEMPOTENCY_KEY_REUSED: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  UPSTREAM_UNREACHABLE: 502,
  RESPONSE_TOO_LARGE: 502,
  CREDENTIAL_UNAVAILABLE: 502,
  AUDIT_UNAVAILABLE: 503,
  REVOCATION_STATE_STALE: 503,
  DETECTOR_LAG: 503,
  OVERLOADED: 503,
  READ_MODEL_BEHIND: 503,
  UPSTREAM_TIMEOUT: 504,
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Values of `metadata.reason` (api.md §2.1); PASSPORT_REVOKED also carries the revocation's own text. */
export const REASONS = {
  UNAUTHORIZED: [
    'missing',
    'malformed',
    'expired',
    'not_yet_valid',
    'bad_signature',
    'wrong_issuer',
    'wrong_audience',
    'lifetime_too_long',
    'not_enrolled',
    'jti_replayed',
    'wrong_credential_kind',
    'proof_of_possession_required',
    'proof_of_possession_mismatch',
    'session_ended',
  ],
  FORBIDDEN: [
    'role',
    'connection_not_allowed',
    'agent_suspended',
    'own_objects_only',
    'service_out_of_scope',
    'service_not_granted',
    'grant_revoked',
    'constraint_failed',
    'proxy_disabled',
    'proxy_only',
    'resource_out_of_scope',
    'passport_required',
    'constrained_grant',
    'scope',
    'mission_cap',
    'mission_agent',
    'hosts_unset',
    'prompt_injection',
    'secret_exposure',
    'raw_reads_off',
    'credential_cannot_approve',
    'four_eyes',
    'approver_role',
    'agent_mismatch',
    'csrf',
  ],
  PASSPORT_REVOKED: ['superseded', 'checked_out', 'mission_completed', 'mission_revoked'],
  PASSPORT_BLOCKED: ['review', 'operator', 'operator_frozen'],
  DESTINATION_FORBIDDEN: [
    'host_not_bound',
    'port_not_bound',
    'scheme',
    'userinfo',
    'ip_literal',
    'private_address',
    'placeholder_unresolved',
  ],
  CONFLICT: [
    'request_in_progress',
    'already_bootstrapped',
    'not_pending',
    'already_voted',
    'digest_changed',
    'too_many_pending',
    'challenge_used',
    'operation_in_progress',
    'outcome_unknown',
    'operation_mismatch',
    'not_replayable',
    'already_active',
    'last_owner',
    'in_use',
    'not_sealed',
  ],
} as const;

export type Metadata = Record<string, unknown>;

/** An expected refusal. `status` overrides the catalogue's where a code has two (MISSION_ENDED: 403, 404). */
export interface Denial {
  code: ErrorCode;
  message: string;
  metadata?: Metadata;
  status?: number;
  retry_after?: number;
}

export function denial(code: ErrorCode, message: string, metadata?: Metadata): Denial {
  return metadata ? { code, message, metadata } : { code, message };
}

export function statusOf(refusal: Denial): number {
  return refusal.status ?? ERRORS[refusal.code];
}

export interface FieldProblem {
  path: string;
  rule: string;
}

/** 400 INVALID_REQUEST naming each field and the rule that it breaks. */
export function invalid(fields: FieldProblem[], message?: string): Denial {
  const first = fields[0];
  const text = message ?? (first ? `${first.path || 'The request'}: ${first.rule}.` : 'The request is not valid.');
  return denial('INVALID_REQUEST', text, { fields });
}

/** The same answer for an unknown id, a malformed one and one of another operator (api.md §2, E.id). */
export function notFound(what: string, id: string): Denial {
  return denial('NOT_FOUND', `${what} ${id.slice(0, 64)} not found.`);
}

export interface ErrorBody {
  error: { code: ErrorCode; message: string; details: Metadata; metadata: Metadata };
}

export function errorBody(refusal: Denial, requestId: string): ErrorBody {
  const metadata = { ...refusal.metadata, request_id: requestId };
  return { error: { code: refusal.code, message: refusal.message, details: metadata, metadata } };
}

/**
 * Refusals of the OAuth endpoints in the form of RFC 6749 §5.2, RFC 7591 §3.2.2 and RFC 8628 §3.5 (api.md §3.6). Inside the platform they are denials like
 * any other; the edge writes them in this form where the operation's binding says so. Pure.
 */
import { type Denial, denial, type ErrorCode, statusOf } from './errors.ts';

export const OAUTH_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'invalid_redirect_uri',
  'invalid_client_metadata',
  'authorization_pending',
  'slow_down',
  'expired_token',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
] as const;
export type OAuthError = (typeof OAUTH_ERRORS)[number];

export interface OAuthErrorBody {
  error: OAuthError;
  error_description: string;
}

/** 400 with this error. */
export function oauthDenial(error: OAuthError, description: string): Denial {
  return denial('INVALID_REQUEST', description, { oauth: error });
}

const BY_CODE: Partial<Record<ErrorCode, OAuthError>> = {
  RATE_LIMITED: 'slow_down',
  AUDIT_UNAVAILABLE: 'temporarily_unavailable',
  OVERLOADED: 'temporarily_unavailable',
  READ_MODEL_BEHIND: 'temporarily_unavailable',
  INTERNAL_ERROR: 'server_error',
};

export function oauthErrorOf(refusal: Denial): { status: number; body: OAuthErrorBody } {
  const named = OAUTH_ERRORS.find((error) => error === refusal.metadata?.['oauth']);
  const error = named ?? BY_CODE[refusal.code] ?? byField(refusal) ?? 'invalid_request';
  // What refuses a passport or a person at these doors refuses the request: 401 and 403 of the catalogue would need a challenge here.
  const status = statusOf(refusal) === 401 || statusOf(refusal) === 403 ? 400 : statusOf(refusal);
  return { status, body: { error, error_description: refusal.message } };
}

/** RFC 7591 has names of its own for what is wrong with a client's metadata. */
function byField({ metadata }: Denial): OAuthError | null {
  const fields: unknown = metadata?.['fields'];
  const first: unknown = Array.isArray(fields) ? fields[0] : null;
  if (typeof first !== 'object' || first === null || !('path' in first) || typeof first.path !== 'string') return null;
  if (first.path.startsWith('redirect_uris')) return 'invalid_redirect_uri';
  return /^(client_name|grant_types)/.test(first.path) ? 'invalid_client_metadata' : null;
}

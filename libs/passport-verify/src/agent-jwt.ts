/**
 * Agent JWTs: short assertions that an agent signs with its own key (api.md §3.3).
 *
 * Does not know whether the agent exists or is active, and does not remember `jti`s: replay is the caller's to refuse.
 */
import { headerIsSafe } from './header.ts';
import { type Ed25519Jwk, verifySignature } from './keys.ts';
import type { TokenReason } from './reason.ts';
import { readToken, type UnverifiedToken } from './token.ts';

/** `exp` in Unix seconds. */
export type AgentJwtVerdict =
  | { readonly ok: true; readonly agent_id: string; readonly jti: string; readonly exp: number }
  | { readonly ok: false; readonly reason: TokenReason };

const MAX_LIFETIME_SECONDS = 60;
const SKEW_SECONDS = 5;
const MAX_ID_LENGTH = 64;

/**
 * The `sub` of a token, to look up the key with. NOT verified: signature, issuer, audience, time and the algorithm are all unchecked, and
 * anyone can write any agent's id here. Null when the token is malformed or names no agent.
 */
export function agentJwtSubject(token: string): string | null {
  const read = readToken(token);
  return read && agentSubject(read);
}

/** The same of a token that was read. NOT verified either. */
export function agentSubject({ payload }: UnverifiedToken): string | null {
  const sub = payload['sub'];
  return typeof sub === 'string' && sub !== '' && sub.length <= MAX_ID_LENGTH ? sub : null;
}

/** Verifies an agent JWT by the agent's current key; skew is 5 s either way. */
export function verifyAgentJwt(token: string, check: { readonly jwk: Ed25519Jwk; readonly now_seconds: number }): AgentJwtVerdict {
  const read = readToken(token);
  return read === null ? refuse('malformed') : verifyAgentToken(read, check);
}

/** The same of a token that was read. */
export function verifyAgentToken(
  read: UnverifiedToken,
  check: { readonly jwk: Ed25519Jwk; readonly now_seconds: number },
): AgentJwtVerdict {
  const { typ } = read.header;
  if (typ !== undefined && typ !== 'JWT') return refuse('wrong_credential_kind');
  if (!headerIsSafe(read.header)) return refuse('malformed');
  if (!verifySignature(check.jwk, read.signed, read.signature)) return refuse('bad_signature');

  const { iss, sub, aud, iat, nbf, exp, jti } = read.payload;
  if (iss !== 'stack-sdk') return refuse('wrong_issuer');
  if (aud !== 'stack:agent') return refuse('wrong_audience');
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_ID_LENGTH) return refuse('malformed');
  if (typeof jti !== 'string' || jti.length < 16 || jti.length > 128) return refuse('malformed');
  if (!isTime(iat) || !isTime(nbf) || !isTime(exp)) return refuse('malformed');
  if (exp - iat > MAX_LIFETIME_SECONDS) return refuse('lifetime_too_long');
  if (iat > check.now_seconds + SKEW_SECONDS || nbf > check.now_seconds + SKEW_SECONDS) return refuse('not_yet_valid');
  if (exp <= check.now_seconds - SKEW_SECONDS) return refuse('expired');
  return { ok: true, agent_id: sub, jti, exp };
}

// RFC 7519 NumericDate may have a fraction.
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function refuse(reason: TokenReason): AgentJwtVerdict {
  return { ok: false, reason };
}

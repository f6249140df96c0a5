/**
 * Offline verification of a passport token (api.md §6.1).
 *
 * Guarantees that the token was signed by one of the caller's keys for this issuer and audience, and that its claims have their form.
 * Does not know whether the passport was revoked, superseded or lapsed, nor whether its bearer may hold it (`cnf`): those are the
 * caller's to ask. No I/O, no clock: keys and time come from the caller.
 */
import { createHash } from 'node:crypto';
import { isPassportClaims, type PassportClaims } from './claims.ts';
import { headerIsSafe } from './header.ts';
import { type Ed25519Jwk, verifySignature } from './keys.ts';
import type { TokenReason } from './reason.ts';
import { readToken, type UnverifiedToken } from './token.ts';

export type PassportCheck = {
  /** The issuer's public keys by `kid`. */
  readonly keys: ReadonlyMap<string, Ed25519Jwk>;
  /** The expected `iss` (PASSPORT_ISSUER). */
  readonly issuer: string;
  /** Unix seconds. */
  readonly now_seconds: number;
  /**
   * Accept a token past its `exp`. Only for callers that know the server-side expiry of the `jti`, which is authoritative: a checkpoint
   * moves it and older tokens of that `jti` stay usable.
   */
  readonly accept_expired?: boolean;
};

/** `kid` is given with `bad_signature` when no key has it: the caller's key set may be behind a rotation. */
export type PassportVerdict =
  | { readonly ok: true; readonly claims: PassportClaims; readonly kid: string }
  | { readonly ok: false; readonly reason: TokenReason; readonly kid?: string };

const SKEW_SECONDS = 5;

/** Verifies a passport. Nothing of the token but its `kid` is looked at before the signature holds, so reasons are no oracle on claims. */
export function verifyPassport(token: string, check: PassportCheck): PassportVerdict {
  const read = readToken(token);
  if (read === null) return refuse('malformed');
  if (read.header['typ'] !== 'passport+jwt') return refuse('wrong_credential_kind');
  const kid = read.header['kid'];
  if (!headerIsSafe(read.header) || typeof kid !== 'string') return refuse('malformed');
  const key = check.keys.get(kid);
  if (key === undefined) return { ok: false, reason: 'bad_signature', kid };
  if (!signatureHolds(key, token, read)) return refuse('bad_signature');

  const claims: unknown = read.payload;
  if (read.payload['iss'] !== check.issuer) return refuse('wrong_issuer');
  if (read.payload['aud'] !== 'stack:passport') return refuse('wrong_audience');
  if (!isPassportClaims(claims)) return refuse('malformed');
  if (claims.nbf > check.now_seconds + SKEW_SECONDS) return refuse('not_yet_valid');
  if (check.accept_expired !== true && claims.exp <= check.now_seconds) return refuse('expired');
  return { ok: true, claims, kid };
}

// One passport comes with every call of its mission: a signature that held under a key holds for good. Only successes are remembered, by
// digest of key and token, so that strangers can neither fill the memory with failures nor read a token out of it.
const MEMORY_SIZE = 8192;
const genuine = new Set<string>();

function signatureHolds(key: Ed25519Jwk, token: string, read: UnverifiedToken): boolean {
  const digest = createHash('sha256').update(`${key.x}.${token}`).digest('base64');
  if (genuine.has(digest)) return true;
  if (!verifySignature(key, read.signed, read.signature)) return false;
  if (genuine.size >= MEMORY_SIZE) {
    const [oldest] = genuine;
    if (oldest !== undefined) genuine.delete(oldest);
  }
  genuine.add(digest);
  return true;
}

function refuse(reason: TokenReason): PassportVerdict {
  return { ok: false, reason };
}

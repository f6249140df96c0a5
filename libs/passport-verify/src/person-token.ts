/**
 * Tokens that stand for a signed-in person: session JWTs, and access tokens of RFC 9068 (api.md §3.1).
 *
 * Guarantees that the token was signed by one of the caller's keys for this issuer and for the purpose that its `typ` names. Does not know whether
 * the session still runs or the person is still a member: those are the caller's to ask. No I/O, no clock.
 */
import { headerIsSafe } from './header.ts';
import { type Ed25519Jwk, verifySignature } from './keys.ts';
import type { TokenReason } from './reason.ts';
import { readToken, type UnverifiedToken } from './token.ts';

export const SESSION = { typ: 'session+jwt', aud: 'stack:session' } as const;
export const ACCESS = { typ: 'at+jwt', aud: 'stack:api' } as const;

interface Claims {
  /** Member id. */
  readonly sub: string;
  readonly operator_id: string;
  /** Unix seconds. */
  readonly exp: number;
}

export type PersonToken =
  | (Claims & { readonly kind: 'session'; readonly session_id: string })
  | (Claims & { readonly kind: 'access'; readonly grant_id: string; readonly client_id: string; readonly scopes: readonly string[] });

export type PersonTokenVerdict = { readonly ok: true; readonly token: PersonToken } | { readonly ok: false; readonly reason: TokenReason };

export interface PersonTokenCheck {
  /** The issuer's public keys for this purpose by `kid`; never those of passports. */
  readonly keys: ReadonlyMap<string, Ed25519Jwk>;
  readonly issuer: string;
  /** Unix seconds. */
  readonly now_seconds: number;
}

const SKEW_SECONDS = 5;

/** By its `typ` alone, and NOT verified: may it be such a token at all? */
export function isPersonToken({ header }: UnverifiedToken): boolean {
  return header['typ'] === SESSION.typ || header['typ'] === ACCESS.typ;
}

export function verifyPersonToken(text: string, check: PersonTokenCheck): PersonTokenVerdict {
  const read = readToken(text);
  if (read === null) return refuse('malformed');
  const { typ, kid } = read.header;
  if (typ !== SESSION.typ && typ !== ACCESS.typ) return refuse('wrong_credential_kind');
  if (!headerIsSafe(read.header)) return refuse('malformed');
  const key = typeof kid === 'string' ? check.keys.get(kid) : undefined;
  if (!key || !verifySignature(key, read.signed, read.signature)) return refuse('bad_signature');

  const { iss, aud, sub, operator_id, iat, exp } = read.payload;
  if (iss !== check.issuer) return refuse('wrong_issuer');
  if (aud !== (typ === SESSION.typ ? SESSION.aud : ACCESS.aud)) return refuse('wrong_audience');
  if (!isText(sub) || !isText(operator_id) || !isSeconds(iat) || !isSeconds(exp)) return refuse('malformed');
  if (iat > check.now_seconds + SKEW_SECONDS) return refuse('not_yet_valid');
  if (exp <= check.now_seconds) return refuse('expired');
  const token = typ === SESSION.typ ? sessionOf(read, { sub, operator_id, exp }) : accessOf(read, { sub, operator_id, exp });
  return token ? { ok: true, token } : refuse('malformed');
}

function sessionOf({ payload }: UnverifiedToken, claims: Claims): PersonToken | null {
  const { sid } = payload;
  return isText(sid) ? { ...claims, kind: 'session', session_id: sid } : null;
}

function accessOf({ payload }: UnverifiedToken, claims: Claims): PersonToken | null {
  const { gid, client_id, scope } = payload;
  if (!isText(gid) || !isText(client_id) || typeof scope !== 'string') return null;
  return { ...claims, kind: 'access', grant_id: gid, client_id, scopes: scope.split(' ').filter((one) => one !== '') };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 128;
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function refuse(reason: TokenReason): PersonTokenVerdict {
  return { ok: false, reason };
}

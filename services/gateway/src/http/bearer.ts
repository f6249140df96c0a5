/**
 * What kind of bearer credential a request has, by form alone (api.md §3.1). Nothing is verified here but the checksum of a key: the owner
 * of the operation decides who it is.
 */
import { apiKeyHash, apiKeyOwner } from '@sallyport/contracts/api-key.ts';
import { isTicket, ticketHash } from '@sallyport/contracts/ticket.ts';
import { MAX_TOKEN_LENGTH, readToken, type UnverifiedToken } from '@sallyport/passport-verify/token.ts';

export type Bearing =
  | { kind: 'none' }
  | { kind: 'key'; sha256: string }
  | { kind: 'ticket'; sha256: string }
  /** `read`: what the token says of itself, NOT verified. */
  | { kind: 'jwt'; token: string; read: UnverifiedToken; purpose: 'agent' | 'session' | 'access' }
  /** `reason` of UNAUTHORIZED (api.md §2.1). */
  | { kind: 'bad'; reason: 'malformed' | 'wrong_credential_kind' };

const SCHEME = /^bearer +(\S+) *$/i;

/** `authorization`: the header as it came. */
export function classifyBearer(authorization: string | undefined): Bearing {
  if (authorization === undefined || authorization.trim() === '') return { kind: 'none' };
  const token = SCHEME.exec(authorization)?.[1];
  if (token === undefined) return { kind: 'bad', reason: 'malformed' };
  if (token.startsWith('sk_live_')) return classifyKey(token);
  if (token.startsWith('tkt_'))
    return isTicket(token) ? { kind: 'ticket', sha256: ticketHash(token) } : { kind: 'bad', reason: 'malformed' };
  return token.startsWith('eyJ') ? classifyJwt(token) : { kind: 'bad', reason: 'malformed' };
}

/** Hashes of keys whose form and checksum were looked at; the keys themselves are not kept. */
const wellFormed = new Set<string>();
const MAX_WELL_FORMED = 4_096;

function classifyKey(token: string): Bearing {
  const sha256 = apiKeyHash(token);
  if (!wellFormed.has(sha256)) {
    if (apiKeyOwner(token) === null) return { kind: 'bad', reason: 'malformed' };
    if (wellFormed.size >= MAX_WELL_FORMED) wellFormed.clear();
    wellFormed.add(sha256);
  }
  return { kind: 'key', sha256 };
}

function classifyJwt(token: string): Bearing {
  if (token.length > MAX_TOKEN_LENGTH) return { kind: 'bad', reason: 'malformed' };
  const read = readToken(token);
  if (!read) return { kind: 'bad', reason: 'malformed' };
  const { typ } = read.header;
  const { aud } = read.payload;
  if (typ === 'session+jwt') return { kind: 'jwt', token, read, purpose: 'session' };
  if (typ === 'at+jwt') return { kind: 'jwt', token, read, purpose: 'access' };
  // A passport is no bearer here, nor is whatever names another audience with another type.
  if (typ !== undefined && typ !== 'JWT') return { kind: 'bad', reason: 'wrong_credential_kind' };
  if (aud === 'stack:passport' || aud === 'stack:session' || aud === 'stack:api') return { kind: 'bad', reason: 'wrong_credential_kind' };
  return { kind: 'jwt', token, read, purpose: 'agent' };
}

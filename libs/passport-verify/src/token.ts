/**
 * Compact JWS (RFC 7515), read strictly and without verifying anything.
 *
 * Everything here is attacker-written until a signature over it has been checked: `readToken` says what a token claims to be, so that a
 * caller can choose the key, and nothing more.
 */

/** Characters that any token may have (api.md §1.8). */
export const MAX_TOKEN_LENGTH = 16_384;

export type JsonRecord = { readonly [key: string]: unknown };

export type UnverifiedToken = {
  readonly header: JsonRecord;
  readonly payload: JsonRecord;
  /** The bytes that the signature covers. */
  readonly signed: Buffer;
  readonly signature: Buffer;
};

const BASE64URL = /^[A-Za-z0-9_-]+$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The parts of a compact JWS with JSON objects as header and payload, or null when it is none. NOT verified: neither signature nor claims. */
export function readToken(token: string): UnverifiedToken | null {
  if (token.length > MAX_TOKEN_LENGTH) return null;
  const [head, body, tail, ...rest] = token.split('.');
  if (head === undefined || body === undefined || tail === undefined || rest.length > 0) return null;
  const header = readPart(head);
  const payload = readPart(body);
  const signature = decodeBase64url(tail);
  if (header === null || payload === null || signature === null) return null;
  return { header, payload, signed: Buffer.from(`${head}.${body}`, 'latin1'), signature };
}

/** Strict base64url without padding: other characters and stray bits in the last one are refused, so that one value has one spelling. */
export function decodeBase64url(text: string): Buffer | null {
  return BASE64URL.test(text) && hasNoStrayBits(text) ? Buffer.from(text, 'base64url') : null;
}

// Of the last character of an incomplete group only the high bits count: 2 characters hold one byte, 3 hold two.
function hasNoStrayBits(text: string): boolean {
  switch (text.length % 4) {
    case 0:
      return true;
    case 2:
      return /[AQgw]$/.test(text);
    case 3:
      return /[AEIMQUYcgkosw048]$/.test(text);
    default:
      return false;
  }
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readPart(part: string): JsonRecord | null {
  const bytes = decodeBase64url(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes));
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

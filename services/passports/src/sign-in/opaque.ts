/**
 * Opaque tokens: links, codes, device codes, refresh tokens. `<prefix>_<operator>.<id>.<secret>`, URL-safe; the first two parts find the aggregate, the
 * secret has 256 random bits. Only the SHA-256 of the whole text is kept.
 */
import { createHash, randomBytes } from 'node:crypto';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { base32 } from '@sallyport/contracts/ids.ts';
import { sameText } from '../api-keys.ts';

export type OpaqueKind = 'll' | 'ac' | 'rt' | 'dc';

export interface Opaque {
  operator_id: string;
  /** Of the aggregate that knows it. */
  id: string;
  sha256: string;
}

/** An id for an aggregate that nothing but its token names. */
export function opaqueId(): string {
  return base32(randomBytes(16));
}

export function makeOpaque(kind: OpaqueKind, operatorId: string, id: string): Opaque & { text: string } {
  const operator = operatorId === PLATFORM ? PLATFORM : operatorId.slice('op_'.length);
  const text = `${kind}_${operator}.${id}.${randomBytes(32).toString('base64url')}`;
  return { text, operator_id: operatorId, id, sha256: sha256(text) };
}

const FORM = /^([a-z]{2})_(-|[0-7][0-9a-hjkmnp-tv-z]{25})\.([0-9A-Za-z_-]{1,64})\.[A-Za-z0-9_-]{43}$/;

/** Null: no such token was ever made. Says nothing about whether this one was. */
export function readOpaque(kind: OpaqueKind, text: string): Opaque | null {
  const [, prefix, operator = '', id = ''] = FORM.exec(text) ?? [];
  if (prefix !== kind) return null;
  return { operator_id: operator === PLATFORM ? PLATFORM : `op_${operator}`, id, sha256: sha256(text) };
}

export function isSame(shown: Opaque, kept: string): boolean {
  return kept !== '' && sameText(shown.sha256, kept);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

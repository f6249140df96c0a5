/** Paging of bare arrays and of `items` (api.md §1.3): newest first, by id. A cursor says where to go on and when it was made; it lives 24 h. */
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';

const LIFE_MS = 86_400_000;
/** Of an array endpoint without `limit`. */
export const WHOLE = 1_000;

export interface Page {
  /** Ids below this one; null: from the newest on. */
  before: string | null;
  limit: number;
}

export function pageOf(
  query: { limit?: number | null | undefined; cursor?: string | null | undefined },
  whole: number,
  nowMs: number,
): { ok: true; page: Page } | { ok: false; denial: Denial } {
  const limit = query.limit ?? whole;
  if (query.cursor === undefined || query.cursor === null) return { ok: true, page: { before: null, limit } };
  const [before = '', at = '', ...rest] = Buffer.from(query.cursor, 'base64url').toString('latin1').split(' ');
  const madeAt = /^\d{13}$/.test(at) ? Number(at) : 0;
  const good = rest.length === 0 && /^[a-z]{2,4}_[0-9a-z_]{1,60}$/.test(before) && madeAt <= nowMs && nowMs - madeAt < LIFE_MS;
  return good ? { ok: true, page: { before, limit } } : { ok: false, denial: invalid([{ path: 'cursor', rule: 'cursor' }]) };
}

/** Of `limit + 1` rows: those of the page, and the cursor of the next one. */
export function cut<T>(rows: readonly T[], limit: number, idOf: (row: T) => string, nowMs: number): { rows: T[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: shown, next: more ? Buffer.from(`${idOf(last)} ${nowMs}`, 'latin1').toString('base64url') : null };
}

/** `Link` is made relative: the owner does not know under which name the edge was asked. */
export function pageHeaders(path: string, query: Record<string, unknown>, next: string | null): { headers?: Record<string, string> } {
  if (next === null) return {};
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (name !== 'cursor' && (typeof value === 'string' || typeof value === 'number')) search.set(name, String(value));
  }
  search.set('cursor', next);
  return { headers: { 'X-Next-Cursor': next, Link: `<${path}?${search.toString()}>; rel="next"` } };
}

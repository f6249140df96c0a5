/**
 * A JSON parser that refuses what would not come out as it went in (api.md §8.1): numbers that a double does not give back, lone
 * surrogates, duplicate keys, and nesting beyond a depth.
 *
 * Guarantees the value of `JSON.parse` for everything it accepts. A member named `__proto__` is an own member like any other. One pass over
 * the text beside `JSON.parse` clears ordinary bodies; only a text with something wrong is walked again, to name the place.
 */
import type { Json } from './json.ts';
import { isLossyNumber } from './lossy-number.ts';

/** Depth of nested arrays and objects that is accepted (api.md §1.8). */
export const MAX_JSON_DEPTH = 32;

export type JsonRule = 'json' | 'max_depth' | 'duplicate_key' | 'lossy_number' | 'lone_surrogate';

/** `path` is dotted from the root (`items.3.id`, a dot in a key as `\.`), and empty for the root and for text that is no JSON. */
export type JsonResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly path: string; readonly rule: JsonRule };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses a request body. Bytes must be UTF-8. Where the text is not `exact`, numbers and surrogates may be any that `JSON.parse` takes; keys that stand twice and
 * nesting beyond the depth are refused all the same, wherever they stand.
 */
export function parseJson(input: string | Uint8Array, exact = true): JsonResult {
  let text: string;
  let value: Json;
  try {
    text = typeof input === 'string' ? input : UTF8.decode(input);
    value = JSON.parse(text);
  } catch {
    return { ok: false, path: '', rule: 'json' };
  }
  const keys = countKeysInText(text, exact);
  if (keys !== SUSPICIOUS && keys === countKeys(value)) return { ok: true, value };
  return walk({ text, exact, at: 0 }, []) ?? { ok: true, value };
}

const SUSPICIOUS = -1;
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

// The text is known to be JSON. A key that stands twice is counted twice here and once in the value.
function countKeysInText(text: string, exact: boolean): number {
  if (exact && (!text.isWellFormed() || SURROGATE_ESCAPE.test(text))) return SUSPICIOUS;
  let keys = 0;
  let depth = 0;
  const { length } = text;
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x3a) {
      keys += 1;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) return SUSPICIOUS;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(text, at);
      // 15 digits always survive a double; a token of that length cannot hold more, and `e` is looked at below.
      if (exact && (end - at > 15 || hasExponent(text, at, end)) && isLossyNumber(text.slice(at, end))) return SUSPICIOUS;
      at = end - 1;
    }
  }
  return keys;
}

function countKeys(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countKeys(item);
    return keys;
  }
  for (const item of Object.values(value)) keys += 1 + countKeys(item);
  return keys;
}

/** The index of the closing quote of the string that opens at `open`, in text that is JSON. */
export function endOfString(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
  return close;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes += 1;
  return backslashes % 2 === 1;
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const inNumber = (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d;
    if (!inNumber) break;
  }
  return at;
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if ((text.charCodeAt(at) | 0x20) === 0x65) return true;
  }
  return false;
}

type Problem = Extract<JsonResult, { ok: false }>;
type Cursor = { readonly text: string; readonly exact: boolean; at: number };

// The slow walk over text that is known to be JSON: it only looks for the first problem and builds nothing.
function walk(cursor: Cursor, path: readonly string[]): Problem | null {
  const code = skipSpace(cursor);
  if (code === 0x7b || code === 0x5b) {
    if (path.length >= MAX_JSON_DEPTH) return problem(path, 'max_depth');
    return code === 0x7b ? walkObject(cursor, path) : walkArray(cursor, path);
  }
  if (code === 0x22) return isExact(cursor, readString(cursor)) ? null : problem(path, 'lone_surrogate');
  if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
    const end = endOfNumber(cursor.text, cursor.at);
    const token = cursor.text.slice(cursor.at, end);
    cursor.at = end;
    return cursor.exact && isLossyNumber(token) ? problem(path, 'lossy_number') : null;
  }
  cursor.at += code === 0x66 ? 5 : 4;
  return null;
}

function walkObject(cursor: Cursor, path: readonly string[]): Problem | null {
  const seen = new Set<string>();
  cursor.at += 1;
  while (skipSpace(cursor) !== 0x7d) {
    const key = readString(cursor);
    const place = [...path, key];
    if (!isExact(cursor, key)) return problem(place, 'lone_surrogate');
    if (seen.has(key)) return problem(place, 'duplicate_key');
    seen.add(key);
    skipSpace(cursor);
    cursor.at += 1;
    const found = walk(cursor, place);
    if (found !== null) return found;
    if (skipSpace(cursor) === 0x2c) cursor.at += 1;
  }
  cursor.at += 1;
  return null;
}

function walkArray(cursor: Cursor, path: readonly string[]): Problem | null {
  cursor.at += 1;
  for (let index = 0; skipSpace(cursor) !== 0x5d; index += 1) {
    const found = walk(cursor, [...path, String(index)]);
    if (found !== null) return found;
    if (skipSpace(cursor) === 0x2c) cursor.at += 1;
  }
  cursor.at += 1;
  return null;
}

function isExact({ exact }: Cursor, text: string): boolean {
  return !exact || text.isWellFormed();
}

function skipSpace(cursor: Cursor): number {
  let code = cursor.text.charCodeAt(cursor.at);
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
    cursor.at += 1;
    code = cursor.text.charCodeAt(cursor.at);
  }
  return code;
}

function readString(cursor: Cursor): string {
  const end = endOfString(cursor.text, cursor.at);
  const text: string = JSON.parse(cursor.text.slice(cursor.at, end + 1));
  cursor.at = end + 1;
  return text;
}

// The path goes back to the caller: cut, and well-formed itself.
function problem(path: readonly string[], rule: JsonRule): Problem {
  const segments = path.map((segment) => segment.slice(0, 64).toWellFormed().replaceAll('.', '\\.'));
  return { ok: false, path: segments.join('.'), rule };
}

/**
 * RE2 patterns of user-written rules: matched in time linear in the input, whatever the pattern, and compiled once.
 */
import { RE2JS } from 're2js';

/** Characters that a pattern may have (api.md §9.1). */
export const MAX_PATTERN_LENGTH = 256;

// Bounded: rules come from tenants, and one compiled pattern may hold a thousand instructions.
const CACHE_SIZE = 1024;
const cache = new Map<string, RE2JS>();

/** The compiled pattern, or null when it is too long or not RE2 (look-around, back-references, repeats over 1,000). */
export function compilePattern(pattern: string): RE2JS | null {
  const known = cache.get(pattern);
  if (known !== undefined) return known;
  if ([...pattern].length > MAX_PATTERN_LENGTH) return null;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch {
    return null;
  }
  if (cache.size >= CACHE_SIZE) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(pattern, compiled);
  return compiled;
}

/** The text as a pattern that matches only itself. */
export function quotePattern(text: string): string {
  return RE2JS.quote(text);
}

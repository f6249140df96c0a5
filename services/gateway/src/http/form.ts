/**
 * Form bodies (`application/x-www-form-urlencoded`), read strictly: each name once, valid UTF-8, and a parameter without a value is one that was not sent
 * (RFC 6749 §3.1, §3.2). Only routes that say so take them. Pure.
 */
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const MAX_PARAMETERS = 64;

export type Form = { ok: true; value: Record<string, string> } | { ok: false; path: string; rule: string };

export function readForm(body: Uint8Array): Form {
  let text: string;
  try {
    text = UTF8.decode(body);
    // Escapes that are no UTF-8 would silently become another text.
    decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return { ok: false, path: '', rule: 'encoding' };
  }
  const value: Record<string, string> = Object.create(null);
  let count = 0;
  for (const [name, given] of new URLSearchParams(text)) {
    if (++count > MAX_PARAMETERS) return { ok: false, path: '', rule: 'max_properties' };
    if (Object.hasOwn(value, name)) return { ok: false, path: name.slice(0, 64), rule: 'duplicate_key' };
    value[name] = given;
  }
  return { ok: true, value: { ...Object.fromEntries(Object.entries(value).filter(([, given]) => given !== '')) } };
}

/**
 * The JSON value type and its one canonical text. Owns neither parsing (`parse-json.ts`) nor hashing.
 */
import canonicalize from 'canonicalize';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** True for a JSON object: neither null nor an array. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The RFC 8785 text of `value`.
 *
 * Throws `TypeError` for what I-JSON has no form for (lone surrogates, NaN, infinities, undefined): values that came through
 * `parseJson` never do.
 */
export function canonicalText(value: Json): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new TypeError('value has no RFC 8785 form', { cause });
  }
  if (text === undefined) throw new TypeError('value has no RFC 8785 form');
  return text;
}

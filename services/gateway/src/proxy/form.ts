/** A JSON object as `application/x-www-form-urlencoded`, nested keys in brackets: `a[b][0]=1` (api.md §8.1). Pure. */
import type { Json } from '@sallyport/policy/json.ts';

export function formText(value: { readonly [key: string]: Json }): string {
  const pairs: string[] = [];
  for (const [key, member] of Object.entries(value)) add(pairs, encode(key), member);
  return pairs.join('&');
}

function add(pairs: string[], name: string, value: Json): void {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) add(pairs, `${name}%5B${index}%5D`, item);
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) add(pairs, `${name}%5B${encode(key)}%5D`, member);
  else pairs.push(`${name}=${value === null ? '' : encode(String(value))}`);
}

// The WHATWG form encoding of one string, by the platform's own serialiser.
function encode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/**
 * Takes the injected secret out of what an upstream sends back (api.md §8.5). Pure. Looks for each secret raw, in base64 and base64url at every alignment, as it
 * stands in URLs, JSON and HTML, and inside JSON strings whatever their escapes; for basic authentication vault names the pair as a secret of its own.
 * An upstream that hides it otherwise on purpose has it anyway and is not stopped here.
 */
import { endOfString } from '@sallyport/policy/parse-json.ts';
import { htmlEscape } from 'escape-goat';

const REDACTED = '[redacted]';
/** Shorter ones would take ordinary text with them; vault accepts no credential that short. */
const MIN_SECRET = 6;

export interface Scrubber {
  /** The text without secrets. */
  text(text: string): string;
  /** The bytes without secrets; the same buffer where there are none. */
  bytes(bytes: Buffer): Buffer;
  headers(headers: Record<string, string>): Record<string, string>;
  /** JSON text without secrets, also where they are written with escapes. `text` must be JSON, of any depth: nothing here recurses. */
  json(text: string): string;
}

export function createScrubber(secrets: readonly string[]): Scrubber {
  const needles = needlesOf(secrets);
  const found = (text: string): boolean => needles.some((needle) => text.includes(needle));
  const clean = (text: string): string => {
    let cleaned = text;
    for (const needle of needles) if (cleaned.includes(needle)) cleaned = cleaned.replaceAll(needle, REDACTED);
    return cleaned;
  };
  return {
    text: clean,
    bytes: (bytes) => {
      // Latin-1 keeps every byte, so needles are looked for as their UTF-8 bytes.
      const text = bytes.toString('latin1');
      const raw = needles.map((needle) => Buffer.from(needle, 'utf8').toString('latin1'));
      if (!raw.some((needle) => text.includes(needle))) return bytes;
      let cleaned = text;
      for (const needle of raw) cleaned = cleaned.replaceAll(needle, REDACTED);
      return Buffer.from(cleaned, 'latin1');
    },
    headers: (headers) => {
      for (const name of Object.keys(headers)) {
        const value = headers[name] ?? '';
        if (found(value)) headers[name] = clean(value);
        if (found(name)) delete headers[name];
      }
      return headers;
    },
    json: (text) => {
      if (!text.includes('\\') && !found(text)) return text;
      const cleaned = inStrings(text, clean);
      // Outside of strings only a number can be one: then nothing of the body is shown.
      return found(cleaned) ? JSON.stringify(REDACTED) : cleaned;
    },
  };
}

/** Every string of a JSON text, names and values alike, also one that a later member of the same name hides. All else stays as it was. */
function inStrings(text: string, clean: (text: string) => string): string {
  let cleaned = '';
  let copied = 0;
  for (let open = text.indexOf('"'); open !== -1; ) {
    const end = endOfString(text, open) + 1;
    const literal = text.slice(open, end);
    const value: string = JSON.parse(literal);
    const left = clean(value);
    if (left !== value) {
      cleaned += text.slice(copied, open) + JSON.stringify(left);
      copied = end;
    }
    open = text.indexOf('"', end);
  }
  return copied === 0 ? text : cleaned + text.slice(copied);
}

function needlesOf(secrets: readonly string[]): string[] {
  const needles = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue;
    for (const form of [secret, ...escapes(secret), JSON.stringify(secret).slice(1, -1), htmlEscape(secret)]) needles.add(form);
    const bytes = Buffer.from(secret, 'utf8');
    needles.add(bytes.toString('base64'));
    needles.add(bytes.toString('base64').replace(/=+$/, ''));
    needles.add(bytes.toString('base64url'));
    // Inside a longer text that was encoded (such as `Bearer <secret>`) it begins at another of three alignments; the letters at its edges
    // are shared with what stands beside it.
    for (const shift of [1, 2]) {
      const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
      const whole = shifted.length - (shifted.length % 3);
      for (const alphabet of ['base64', 'base64url'] as const) {
        const inner = shifted
          .subarray(0, whole)
          .toString(alphabet)
          .slice(shift + 1);
        if (inner.length >= MIN_SECRET) needles.add(inner);
      }
    }
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3));
    if (whole.length >= MIN_SECRET) needles.add(whole.toString('base64')).add(whole.toString('base64url'));
  }
  // The longest first, so that no shorter form leaves the tail of a longer one.
  return [...needles].toSorted((a, b) => b.length - a.length);
}

/** In URLs and forms, whichever letters the escapes have. */
function escapes(secret: string): string[] {
  const forms = [encodeURIComponent(secret.toWellFormed()), new URLSearchParams([['', secret]]).toString().slice(1)];
  return forms.flatMap((form) => [form, form.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())]);
}

/**
 * Takes the injected secret out of what an upstream sends back (api.md §8.5). Pure. Looks for each secret raw, in base64 and base64url at every alignment, and
 * inside JSON strings whatever their escapes; for basic authentication vault names the pair as a secret of its own.
 */
const REDACTED = '[redacted]';
/** Shorter ones would take ordinary text with them; vault accepts no credential that short. */
const MIN_SECRET = 6;

export interface Scrubber {
  /** The text without secrets. */
  text(text: string): string;
  /** The bytes without secrets; the same buffer where there are none. */
  bytes(bytes: Buffer): Buffer;
  headers(headers: Record<string, string>): Record<string, string>;
  /** JSON text without secrets, also where they are written with escapes. `text` must be JSON. */
  json(text: string, value: unknown): string;
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
    json: (text, value) => {
      if (!text.includes('\\') && !found(text)) return text;
      const decoded = JSON.stringify(value, (_key, member: unknown) => (typeof member === 'string' ? clean(member) : member));
      const wasFound = found(text) || decoded.includes(REDACTED);
      return wasFound ? cleanKeys(decoded) : text;
    },
  };

  // Names of members are looked at as text: a secret with a quote or backslash in it has another spelling there.
  function cleanKeys(text: string): string {
    let cleaned = clean(text);
    for (const needle of needles) cleaned = cleaned.replaceAll(JSON.stringify(needle).slice(1, -1), REDACTED);
    return cleaned;
  }
}

function needlesOf(secrets: readonly string[]): string[] {
  const needles = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue;
    needles.add(secret);
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

/**
 * Identifiers (api.md §1.2): `<prefix>_` and 26 characters, a UUIDv7 in lower-case Crockford base32, so that ids sort by creation.
 * Pure: time and random bytes come from the caller.
 */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Two characters at a time: an id is made for every fact and every request. */
const PAIRS: readonly string[] = Array.from({ length: 1024 }, (_, bits) => `${ALPHABET[bits >> 5]}${ALPHABET[bits & 31]}`);

export const PREFIXES = {
  operator: 'op',
  member: 'mem',
  agent: 'agt',
  mission: 'ms',
  passport: 'ppt',
  session: 'ses',
  service: 'svc',
  connection: 'scon',
  credential: 'cred',
  checkpoint: 'ckp',
  checkout: 'cko',
  challenge: 'ach',
  intent: 'int',
  review: 'rev',
  audit: 'aud',
  security_event: 'sev',
  event: 'evt',
  request: 'req',
  boot: 'bt',
  key: 'key',
  oauth_client: 'cl',
} as const;

export type IdKind = keyof typeof PREFIXES;
export type Id<K extends IdKind> = `${(typeof PREFIXES)[K]}_${string}`;

export const ID_PATTERN = '^[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}$';

/** The bytes as one number, most significant first, in base 32: 26 characters for 16 bytes, 52 for 32, 7 for 4. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  // Bits of the number's head that do not fill a character are zeros on the left.
  let held = (5 - ((bytes.length * 8) % 5)) % 5;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    held += 8;
    if (held < 10) continue;
    held -= 10;
    text += PAIRS[value >> held] ?? '';
    value &= (1 << held) - 1;
  }
  return held === 5 ? text + (ALPHABET[value] ?? '') : text;
}

/** A UUIDv7 (RFC 9562 §5.7) of a Unix millisecond and 10 random bytes, as 16 bytes. */
export function uuidv7(timeMs: number, random: Uint8Array): Uint8Array {
  if (random.length < 10) throw new RangeError('uuidv7 needs 10 random bytes');
  const bytes = new Uint8Array(16);
  let rest = timeMs;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  for (let i = 0; i < 10; i++) bytes[6 + i] = random[i] ?? 0;
  bytes[6] = 0x70 | ((random[0] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((random[2] ?? 0) & 0x3f);
  return bytes;
}

export function makeId<K extends IdKind>(kind: K, timeMs: number, random: Uint8Array): Id<K> {
  return `${PREFIXES[kind]}_${base32(uuidv7(timeMs, random))}`;
}

export function isId<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  return typeof value === 'string' && value.startsWith(`${PREFIXES[kind]}_`) && /^[a-z]{2,4}_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(value);
}

/** Unix milliseconds inside an id, or null where the text is no id. */
export function idTime(id: string): number | null {
  const match = /^[a-z]{2,4}_([0-7][0-9a-hjkmnp-tv-z]{25})$/.exec(id);
  if (!match?.[1]) return null;
  let value = 0n;
  for (const char of match[1]) value = (value << 5n) | BigInt(ALPHABET.indexOf(char));
  return Number(value >> 80n);
}

/** The audit row of fact `evt_X` is `aud_X`: the writer knows the row's id before the row exists (architecture, "Facts"). */
export function auditIdOf(eventId: string): string {
  return `aud_${eventId.slice(4)}`;
}

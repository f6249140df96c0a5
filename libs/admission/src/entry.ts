/**
 * The entry: what every gateway must know of a call without reading its fact (architecture, "The log decides"). It travels in the
 * header `Sp-Entries` of a calls message, one entry per fact, in order. The layout is final: byte 0 is the kind, and a new meaning
 * takes a new kind. Hashes are 12 bytes (`contracts/target.ts`); numbers are big-endian.
 */
export const HASH_BYTES = 12;

/** Bytes of a hash as a Latin-1 string of 12 characters: cheap to compare and to keep as a map's key. */
export type Hash = string;

export interface Cap {
  /** 0 = own mission, 1.. = ancestors, as in `missions`. */
  mission: number;
  kind: 'actions' | 'actions_per_service';
  limit: number;
  behaviour: 'deny' | 'flag';
}

/** A call that wants to go upstream. */
export interface AttemptEntry {
  kind: 'attempt';
  /** Hash of the fact's id; closings name it. */
  id: Hash;
  operator: Hash;
  /** The caller's key or member; absent for an agent's own JWT. */
  caller?: Hash;
  session: Hash;
  jti: Hash;
  /** Line and agent of the passport itself, then of each parent. 1..5. */
  chain: { line: Hash; agent: Hash }[];
  /** The mission and its ancestors. 1..5. */
  missions: Hash[];
  connection: Hash;
  grant: Hash;
  service: Hash;
  operation?: { id: Hash; digest: Hash };
  approval?: Hash;
  jwt?: Hash;
  caps: Cap[];
  /** Stream time, Unix ms, after which the entry is refused. */
  until: number;
  /** Log position up to which its gateway had applied the log to the answers it used. */
  checked: number;
}

export type Outcome = 'success' | 'failure' | 'unknown' | 'denied';

/** The end of an attempt. `sent: false` gives operation and count back, never the approval. */
export interface ClosingEntry {
  kind: 'closing';
  attempt: Hash;
  sent: boolean;
  outcome: Outcome;
}

/** A single-use JWT was used: a control write, or a call that was refused after authentication. */
export interface AssertionEntry {
  kind: 'assertion';
  jwt: Hash;
  until: number;
}

export interface BootStartedEntry {
  kind: 'boot_started';
}

/** Later entries of that boot are refused. */
export interface BootClosedEntry {
  kind: 'boot_closed';
  boot: Hash;
}

/** A fact without an entry, so that indexes stay those of the facts. */
export interface NoneEntry {
  kind: 'none';
}

export type Entry = AttemptEntry | ClosingEntry | AssertionEntry | BootStartedEntry | BootClosedEntry | NoneEntry;

const KINDS = ['none', 'attempt', 'closing', 'assertion', 'boot_started', 'boot_closed'] as const;
const OUTCOMES = ['success', 'failure', 'unknown', 'denied'] as const;
const MAX_LINKS = 5;

export function hashOf(bytes: Uint8Array): Hash {
  return Buffer.from(bytes.buffer, bytes.byteOffset, HASH_BYTES).toString('latin1');
}

// Encoding is synchronous and copies what it wrote, so one scratch buffer serves all entries.
const scratch = Buffer.alloc(1024);

class Writer {
  readonly bytes = scratch;
  at = 0;
  u8(value: number): void {
    this.bytes[this.at++] = value;
  }
  u32(value: number): void {
    this.at = this.bytes.writeUInt32BE(value, this.at);
  }
  u48(value: number): void {
    this.at = this.bytes.writeUIntBE(value, this.at, 6);
  }
  hash(value: Hash): void {
    if (value.length !== HASH_BYTES) throw new RangeError('a hash has 12 bytes');
    for (let i = 0; i < HASH_BYTES; i++) this.bytes[this.at++] = value.charCodeAt(i);
  }
}

/** Throws RangeError where the entry has more links, missions or caps than a call can have. */
export function encodeEntry(entry: Entry): Uint8Array {
  const out = new Writer();
  out.u8(KINDS.indexOf(entry.kind));
  switch (entry.kind) {
    case 'none':
    case 'boot_started':
      break;
    case 'boot_closed':
      out.hash(entry.boot);
      break;
    case 'assertion':
      out.hash(entry.jwt);
      out.u48(entry.until);
      break;
    case 'closing':
      out.hash(entry.attempt);
      out.u8((entry.sent ? 0x10 : 0) | OUTCOMES.indexOf(entry.outcome));
      break;
    case 'attempt':
      writeAttempt(out, entry);
      break;
  }
  return Uint8Array.prototype.slice.call(out.bytes, 0, out.at);
}

function writeAttempt(out: Writer, entry: AttemptEntry): void {
  const links = entry.chain.length;
  const missions = entry.missions.length;
  if (links < 1 || links > MAX_LINKS || missions < 1 || missions > MAX_LINKS || entry.caps.length > 2 * MAX_LINKS)
    throw new RangeError('an entry has 1..5 links, 1..5 missions and at most 10 caps');
  out.u8(
    (entry.caller === undefined ? 0 : 1) |
      (entry.operation === undefined ? 0 : 2) |
      (entry.approval === undefined ? 0 : 4) |
      (entry.jwt === undefined ? 0 : 8),
  );
  out.u8((links << 4) | missions);
  out.hash(entry.id);
  out.hash(entry.operator);
  if (entry.caller !== undefined) out.hash(entry.caller);
  out.hash(entry.session);
  out.hash(entry.jti);
  for (const link of entry.chain) {
    out.hash(link.line);
    out.hash(link.agent);
  }
  for (const mission of entry.missions) out.hash(mission);
  out.hash(entry.connection);
  out.hash(entry.grant);
  out.hash(entry.service);
  if (entry.operation !== undefined) {
    out.hash(entry.operation.id);
    out.hash(entry.operation.digest);
  }
  if (entry.approval !== undefined) out.hash(entry.approval);
  if (entry.jwt !== undefined) out.hash(entry.jwt);
  out.u8(entry.caps.length);
  for (const cap of entry.caps) {
    out.u8((cap.mission << 4) | (cap.kind === 'actions' ? 0 : 2) | (cap.behaviour === 'deny' ? 0 : 1));
    out.u32(cap.limit);
  }
  out.u48(entry.until);
  out.u48(entry.checked);
}

/** Reads bytes that stand as a Latin-1 string: taking a hash out of one is far cheaper than making a string of bytes, and every gateway reads all entries. */
class Reader {
  readonly text: string;
  at: number;
  readonly end: number;
  constructor(text: string, at: number, end: number) {
    this.text = text;
    this.at = at;
    this.end = end;
  }
  u8(): number {
    if (this.at >= this.end) throw new RangeError('the entry ends early');
    return this.text.charCodeAt(this.at++);
  }
  /** At most 6 bytes. */
  uint(bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + this.u8();
    return value;
  }
  hash(): Hash {
    this.at += HASH_BYTES;
    if (this.at > this.end) throw new RangeError('the entry ends early');
    return this.text.slice(this.at - HASH_BYTES, this.at);
  }
}

/** Throws RangeError for bytes that are no entry: only gateways write calls, so that is a defect, not input. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return decodeEntryAt(text, 0, text.length);
}

/** The same for the bytes from `start` to `end` of a Latin-1 string. */
export function decodeEntryAt(text: string, start: number, end: number): Entry {
  const input = new Reader(text, start, end);
  const kind = KINDS[input.u8()];
  switch (kind) {
    case 'none':
    case 'boot_started':
      return { kind };
    case 'boot_closed':
      return { kind, boot: input.hash() };
    case 'assertion':
      return { kind, jwt: input.hash(), until: input.uint(6) };
    case 'closing': {
      const attempt = input.hash();
      const flags = input.u8();
      return { kind, attempt, sent: (flags & 0x10) !== 0, outcome: OUTCOMES[flags & 0x0f] ?? 'unknown' };
    }
    case 'attempt':
      return readAttempt(input);
    default:
      throw new RangeError('the entry is of an unknown kind');
  }
}

function readAttempt(input: Reader): AttemptEntry {
  const flags = input.u8();
  const counts = input.u8();
  const id = input.hash();
  const operator = input.hash();
  const caller = (flags & 1) === 0 ? {} : { caller: input.hash() };
  const session = input.hash();
  const jti = input.hash();
  const chain: AttemptEntry['chain'] = [];
  for (let i = counts >> 4; i > 0; i--) chain.push({ line: input.hash(), agent: input.hash() });
  const missions: Hash[] = [];
  for (let i = counts & 15; i > 0; i--) missions.push(input.hash());
  const connection = input.hash();
  const grant = input.hash();
  const service = input.hash();
  const operation = (flags & 2) === 0 ? {} : { operation: { id: input.hash(), digest: input.hash() } };
  const approval = (flags & 4) === 0 ? {} : { approval: input.hash() };
  const jwt = (flags & 8) === 0 ? {} : { jwt: input.hash() };
  const caps: Cap[] = [];
  for (let i = input.u8(); i > 0; i--) {
    const what = input.u8();
    caps.push({
      mission: what >> 4,
      kind: (what & 2) === 0 ? 'actions' : 'actions_per_service',
      behaviour: (what & 1) === 0 ? 'deny' : 'flag',
      limit: input.uint(4),
    });
  }
  const until = input.uint(6);
  const checked = input.uint(6);
  const head = { kind: 'attempt', id, operator, session, jti, chain, missions, connection, grant, service, caps, until, checked } as const;
  return { ...head, ...caller, ...operation, ...approval, ...jwt };
}

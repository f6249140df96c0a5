/**
 * What must hold of a run, whatever was broken in it, told from evidence alone: the stream, the audit rows, what the upstream saw, what clients were
 * answered. Pure, and shares no code with the services: call digests are computed here anew from what the upstream received.
 */
import { createHash } from 'node:crypto';
import { verifyRows } from '@sallyport/audit-chain/chain.ts';
import type { Row } from '@sallyport/audit-chain/row.ts';

export interface StoredFact {
  id: string;
  type: string;
  operator_id: string;
  jti?: string;
  data: Record<string, unknown>;
}

export interface StoredMessage {
  seq: number;
  subject: string;
  /** The stream's timestamp, Unix ms. */
  ts_ms: number;
  facts: StoredFact[];
}

/** A request as it came to the upstream. */
export interface UpstreamCall {
  digest: string;
  marker: string;
  /** When its first byte was there, Unix ms. */
  at_ms: number;
}

/** One request of a client and what became of it. */
export interface ClientCall {
  digest: string;
  gateway: number;
  started_ms: number;
  elapsed_ms: number;
  /** 0: no answer came. */
  status: number;
  code: string | null;
  reason: string | null;
  /** The words of a refusal, for people. */
  said: string | null;
  attempt_entry_id: string | null;
  entry_id: string | null;
}

/** A control write under a name of its own. `id` is null when no attempt at it was acknowledged. */
export interface ClientCommand {
  type: string;
  name: string;
  id: string | null;
}

/** Something that was killed or stopped. */
export interface Injected {
  what: string;
  /** Unix ms. */
  at_ms: number;
}

export interface Evidence {
  injected: readonly Injected[];
  messages: readonly StoredMessage[];
  rows: readonly Row[];
  upstream: readonly UpstreamCall[];
  calls: readonly ClientCall[];
  commands: readonly ClientCommand[];
}

export interface Verdict {
  findings: string[];
  checks: Record<string, number>;
}

/** Facts that are no row of the audit log: parts of a decision whose row is another fact of the same batch, and the log's own affairs. */
const WITHOUT_ROW =
  /^(fence\.set|idempotency\..*|assertion\.used|gateway\.started|boot\.closed|key\..*|member\.added|agent\.challenged|thumbprint\..*|provider\.registered|ticket\..*|signing_key\..*|team\.changed|operator\.signed_in|login_link\..*|oauth\..*|refresh_token\..*|device\..*|passport\.superseded|passport\.line_changed|mission\.child_opened|review\.corrected|mission\.passport_added|mission\.assigned|passport\.use_refused|signal\.repeated)$/;
/** Answers that say nothing about whether the call went: the connection broke, or the platform said that it may have gone. */
const CLOSED_MS = 90_000;
const CLOSINGS = ['call.completed', 'call.denied'];
const UNCERTAIN = new Set([0, 401, 409, 502, 504]);
/** What a call of the load may be answered while something is broken: never that it may not, or that something does not exist. */
const BROKEN = new Set([0, 200, 409, 502, 503, 504]);

/** RFC 8785 form of api.md §10.2, for the calls that the load makes: members of an object body sorted, no query. */
export function callDigest(method: string, url: string, body: Record<string, string> | null): string {
  const sorted = body && Object.fromEntries(Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify({ body: sorted, method, query: [], service: 'github', url });
  return createHash('sha256').update(text).digest('hex');
}

export interface Attempt {
  id: string;
  digest: string;
  seq: number;
  ts_ms: number;
  /** The first closing in the log counts. */
  closing: { fact: StoredFact; seq: number; ts_ms: number } | null;
  /** The gateway start that recorded it. */
  boot: string;
}

export interface Index {
  attempts: Map<string, Attempt>;
  byDigest: Map<string, Attempt[]>;
  facts: Map<string, { fact: StoredFact; message: StoredMessage }>;
}

export function indexOf(messages: readonly StoredMessage[]): Index {
  const index: Index = { attempts: new Map(), byDigest: new Map(), facts: new Map() };
  for (const message of messages) {
    for (const fact of message.facts) {
      index.facts.set(fact.id, { fact, message });
      if (fact.type !== 'call.attempted') continue;
      const { call_digest, boot_id } = fact.data;
      const place = { seq: message.seq, ts_ms: message.ts_ms };
      const attempt = { id: fact.id, digest: String(call_digest), ...place, closing: null, boot: String(boot_id) };
      index.attempts.set(fact.id, attempt);
      index.byDigest.set(attempt.digest, [...(index.byDigest.get(attempt.digest) ?? []), attempt]);
    }
  }
  // After all attempts: a closing may land before the record that it closes.
  for (const message of messages) {
    for (const fact of message.facts) {
      const attempt = CLOSINGS.includes(fact.type) ? index.attempts.get(String(fact.data['attempt_id'])) : undefined;
      if (attempt && !attempt.closing) attempt.closing = { fact, seq: message.seq, ts_ms: message.ts_ms };
    }
  }
  return index;
}

/** Closed as one that may have gone. */
export function letGo({ closing }: Attempt): boolean {
  return closing?.fact.type === 'call.completed' && closing.fact.data['sent'] !== false;
}

export function openAttempts(messages: readonly StoredMessage[]): number {
  return [...indexOf(messages).attempts.values()].filter(({ closing }) => closing === null).length;
}

/** Facts that a row is still missing for. */
export function missingRows(messages: readonly StoredMessage[], rows: readonly Row[]): string[] {
  const known = new Set(rows.map((row) => row.entry_id));
  const index = indexOf(messages);
  return wantedRows(index).filter((id) => !known.has(id));
}

function wantedRows(index: Index): string[] {
  const wanted: string[] = [];
  for (const { fact } of index.facts.values()) {
    if (WITHOUT_ROW.test(fact.type)) continue;
    const attempt = CLOSINGS.includes(fact.type) ? index.attempts.get(String(fact.data['attempt_id'])) : undefined;
    if (!attempt || attempt.closing?.fact.id === fact.id) wanted.push(`aud_${fact.id.slice('evt_'.length)}`);
  }
  return wanted;
}

export function check(evidence: Evidence): Verdict {
  const findings: string[] = [];
  const checks: Record<string, number> = {};
  const index = indexOf(evidence.messages);
  const expect = (rule: string, holds: boolean, what: () => string): void => {
    checks[rule] = (checks[rule] ?? 0) + 1;
    if (!holds) findings.push(`${rule}: ${what()}`);
  };
  checkStream(evidence, expect);
  const seen = checkUpstream(evidence, index, expect);
  checkAttempts(index, seen, expect);
  checkClosings(evidence, index, expect);
  checkAnswers(evidence, index, seen, expect);
  checkCommands(evidence, index, expect);
  checkRows(evidence, index, expect);
  return { findings, checks };
}

type Expect = (rule: string, holds: boolean, what: () => string) => void;

function checkStream({ messages }: Evidence, expect: Expect): void {
  const ids = new Set<string>();
  let last = 0;
  for (const { seq, facts } of messages) {
    expect('the stream has no gap', seq === last + 1, () => `${seq} follows ${last}`);
    last = seq;
    for (const { id, type } of facts) {
      expect('no fact stands twice', !ids.has(id), () => `${type} ${id} at ${seq}`);
      ids.add(id);
    }
  }
}

/** Digest → how often it was seen. */
function checkUpstream({ upstream }: Evidence, index: Index, expect: Expect): Map<string, number> {
  const seen = new Map<string, number>();
  for (const { digest, marker, at_ms } of upstream) {
    seen.set(digest, (seen.get(digest) ?? 0) + 1);
    const attempts = index.byDigest.get(digest) ?? [];
    expect(
      'every upstream call has its earlier record',
      attempts.some(({ ts_ms }) => ts_ms <= at_ms),
      () => `${marker}: ${attempts.length} records, the first ${(attempts[0]?.ts_ms ?? 0) - at_ms} ms after it`,
    );
  }
  for (const [digest, times] of seen) expect('no call went twice', times === 1, () => `${digest} went ${times} times`);
  return seen;
}

function checkAttempts(index: Index, seen: Map<string, number>, expect: Expect): void {
  for (const attempt of index.attempts.values())
    expect('every attempt is closed', attempt.closing !== null, () => `${attempt.id} of ${attempt.seq}, ${attempt.boot}`);
  for (const [digest, attempts] of index.byDigest) {
    const may = attempts.filter(letGo);
    const went = seen.get(digest) ?? 0;
    expect('one record at most lets a call go', may.length <= 1, () => `${digest}: ${may.map(({ id }) => id).join(', ')}`);
    expect(
      'what went is not closed as refused',
      went === 0 || may.length > 0,
      () => `${digest}: ${attempts.map(({ id }) => id).join(', ')}`,
    );
    const answered = may.some(({ closing }) => closing?.fact.data['outcome'] === 'success');
    expect('what is closed as answered went', !answered || went > 0, () => digest);
  }
}

/** From the first fault that an open attempt met, however many came after it. */
function checkClosings({ injected }: Evidence, index: Index, expect: Expect): void {
  const faults = injected.toSorted((a, b) => a.at_ms - b.at_ms);
  for (const { id, ts_ms, closing, boot } of index.attempts.values()) {
    const met = faults.find(({ at_ms }) => at_ms >= ts_ms);
    if (!met || (closing !== null && closing.ts_ms <= met.at_ms)) continue;
    const took = (closing?.ts_ms ?? Infinity) - met.at_ms;
    expect('what a fault left open is closed within 90 s of it', took <= CLOSED_MS, () => `${id} of ${boot}, ${met.what}: ${took} ms`);
  }
}

function checkAnswers({ calls }: Evidence, index: Index, seen: Map<string, number>, expect: Expect): void {
  const hopeful = new Set(calls.filter(({ status }) => status === 200 || UNCERTAIN.has(status)).map(({ digest }) => digest));
  for (const call of calls) {
    expect(
      'no call is refused for nothing',
      BROKEN.has(call.status),
      () => `${call.status} ${call.code} ${call.reason} at gateway ${call.gateway + 1}: ${call.said}`,
    );
    if (call.status === 200) {
      const attempt = index.attempts.get(`evt_${(call.attempt_entry_id ?? '').slice('aud_'.length)}`);
      expect('an answered call is on record', attempt?.digest === call.digest, () => `${call.attempt_entry_id} of ${call.digest}`);
      expect('an answered call went', (seen.get(call.digest) ?? 0) === 1, () => call.digest);
      const closing = call.entry_id === null ? null : attempt?.closing;
      const named = closing === null || `aud_${closing?.fact.id.slice('evt_'.length)}` === call.entry_id;
      expect('the closing that was answered stands', named, () => `${call.entry_id}: ${closing?.fact.id} counts`);
    } else if (!hopeful.has(call.digest)) {
      expect('a refused call did not go', !seen.has(call.digest), () => `${call.digest}: ${call.status} ${call.code}`);
    }
  }
}

/** Every command under its name: once when it was acknowledged, at most once otherwise. */
function checkCommands({ commands }: Evidence, index: Index, expect: Expect): void {
  const named = new Map<string, string[]>();
  for (const { fact } of index.facts.values()) {
    const name = nameOf(fact);
    if (name) named.set(name.name, [...(named.get(name.name) ?? []), name.id]);
  }
  for (const { name, id } of commands) {
    const found = named.get(name) ?? [];
    if (id !== null) expect('every acknowledged command is there', found.includes(id), () => `${name} ${id}`);
    expect('no command took effect twice', found.length <= 1, () => `${name}: ${found.join(', ')}`);
  }
}

/** The name that the test gave to what this fact made. */
export function nameOf({ type, data }: StoredFact): { name: string; id: string } | null {
  if (type === 'mission.opened') return { name: String(data['intent_summary']), id: String(data['mission_id']) };
  const agent = type === 'agent.registered' ? data['agent'] : null;
  if (typeof agent !== 'object' || agent === null || !('name' in agent) || !('id' in agent)) return null;
  return { name: String(agent.name), id: String(agent.id) };
}

function checkRows({ rows }: Evidence, index: Index, expect: Expect): void {
  const known = new Set(rows.map((row) => row.entry_id));
  expect('no row twice', known.size === rows.length, () => `${rows.length} rows, ${known.size} entries`);
  for (const id of wantedRows(index))
    expect('every fact has its row', known.has(id), () => `${id} of ${index.facts.get(`evt_${id.slice('aud_'.length)}`)?.fact.type}`);
  const wanted = new Set(wantedRows(index));
  const operators = Map.groupBy(rows, (row) => row.operator_id);
  for (const [operator, all] of operators) {
    const ordered = all.toSorted((a, b) => a.seq - b.seq);
    const verdict = verifyRows(ordered, null);
    expect('seq has no gap and the chain verifies', verdict.valid, () => `${operator}: ${JSON.stringify(verdict.first_break)}`);
    let position = 0;
    for (const row of ordered) {
      const stored = index.facts.get(`evt_${row.entry_id.slice('aud_'.length)}`);
      expect('every row has its fact', wanted.has(row.entry_id), () => `${row.action} ${row.entry_id}`);
      if (!stored) continue;
      expect('a row names the place of its fact', stored.message.seq === row.stream_seq, () => row.entry_id);
      const time = Math.abs(Date.parse(row.recorded_at) - stored.message.ts_ms);
      expect("a row's time is the stream's", time <= 1, () => `${row.entry_id}: ${time} ms`);
      expect('rows stand in the order of the log', row.stream_seq >= position, () => row.entry_id);
      position = row.stream_seq;
    }
  }
}

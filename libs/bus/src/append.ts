/**
 * Appending to the ledger: one message plainly, several as one atomic batch, all or nothing. Guarantees that an answer is the truth
 * whatever was lost on the way: after an unknown outcome the FIRST message on the reference subject after the expected sequence
 * decides (architecture, "Deciding"). Does not guarantee that a write which ended in LedgerUnavailable never lands.
 */
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { nuid } from '@nats-io/nats-core';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { type ApiError, EXPECTED_HEADER, pause, readLedger } from './api.ts';
import type { Bus } from './connect.ts';
import { LedgerUnavailable } from './errors.ts';

export interface Message {
  subject: string;
  facts: Fact[];
  /** Last sequence on `expect_subject` (default: `subject`); 0 = none yet. */
  expect?: number;
  /** Only for messages after the first. */
  expect_subject?: string;
  headers?: Record<string, string>;
  /** `Nats-Msg-Id`: unique to this attempt to decide, the same for every attempt to send it. */
  id: string;
}

export interface Appended {
  /** Sequence of the last message. */
  seq: number;
  seqs: number[];
  /** The stream's timestamp; known only when the message had to be read back. */
  ts_ms?: number;
}

/** `conflict`: the subject whose last sequence was not the expected one. Nothing was stored. */
export type AppendResult = Appended | { conflict: string };

export interface AppendOptions {
  deadline_ms?: number;
  attempt_ms?: number;
}

export const MAX_BATCH = 500;
const DEADLINE_MS = 5_000;
const ATTEMPT_MS = 1_000;
const RETRY_MS = 50;
const READ_MS = 1_500;

interface Ack {
  seq?: number;
  error?: ApiError;
}

/** A message as it goes out, serialised once however often it is sent. */
interface Outgoing extends Message {
  payload: Uint8Array;
}

/**
 * Appends all messages or none. Of several, the first must expect a sequence of its own subject: it stands for all, and makes a repeat safe however late
 * it arrives. A single message without expectation is safe to repeat by its id alone, which the server forgets after two minutes: services always expect.
 * Throws LedgerUnavailable when the outcome stays unknown until the deadline.
 */
export async function append(bus: Bus, messages: Message[], options: AppendOptions = {}): Promise<AppendResult> {
  const outgoing = prepare(bus, messages);
  const end = performance.now() + (options.deadline_ms ?? DEADLINE_MS);
  for (;;) {
    const left = end - performance.now();
    if (left <= 0) throw new LedgerUnavailable('the ledger did not acknowledge in time');
    const ack = await send(bus, outgoing, Math.min(options.attempt_ms ?? ATTEMPT_MS, left));
    if (ack?.seq) return stored(ack.seq - outgoing.length + 1, outgoing.length);
    const settled = await resolveOutcome(bus, outgoing, Math.min(READ_MS, end - performance.now()));
    if (settled) return settled;
    await pause(RETRY_MS);
  }
}

function prepare(bus: Bus, messages: Message[]): [Outgoing, ...Outgoing[]] {
  const [first, ...rest] = messages.map((message) => ({ ...message, payload: new TextEncoder().encode(JSON.stringify(message.facts)) }));
  if (!first || messages.length > MAX_BATCH) throw new RangeError(`a batch has 1 to ${MAX_BATCH} messages, not ${messages.length}`);
  if (first.expect_subject !== undefined) throw new RangeError('the first message expects a sequence of its own subject');
  if (rest.length > 0 && first.expect === undefined) throw new RangeError('the first message of a batch needs an expectation');
  const limit = (bus.nc.info?.max_payload ?? 1_048_576) - 8_192;
  for (const message of [first, ...rest])
    if (message.payload.length > limit) throw new RangeError(`a message of ${message.payload.length} bytes does not fit`);
  return [first, ...rest];
}

/** The server's answer, or null when there was none. Each attempt is a new batch: a half-sent one is never continued. */
async function send(bus: Bus, messages: [Outgoing, ...Outgoing[]], timeout: number): Promise<Ack | null> {
  const batch = messages.length > 1 ? nuid.next() : null;
  try {
    for (const [index, message] of messages.entries()) {
      const fields = headersOf(message);
      if (batch) {
        fields.set('Nats-Batch-Id', batch);
        fields.set('Nats-Batch-Sequence', String(index + 1));
      }
      if (index < messages.length - 1) {
        bus.nc.publish(message.subject, message.payload, { headers: fields });
        continue;
      }
      if (batch) fields.set('Nats-Batch-Commit', '1');
      const answer = await bus.nc.request(message.subject, message.payload, { headers: fields, timeout });
      return answer.json<Ack>();
    }
  } catch {
    // Silence, a lost connection, no stream: what became of the message is asked, never guessed.
  }
  return null;
}

function headersOf(message: Message): MsgHdrs {
  const fields = headers();
  for (const [name, value] of Object.entries(message.headers ?? {})) fields.set(name, value);
  fields.set('Nats-Msg-Id', message.id);
  if (message.expect !== undefined) fields.set(EXPECTED_HEADER, String(message.expect));
  if (message.expect_subject !== undefined) fields.set('Nats-Expected-Last-Subject-Sequence-Subject', message.expect_subject);
  return fields;
}

function stored(firstSeq: number, count: number, tsMs?: number): Appended {
  const seqs = Array.from({ length: count }, (_, index) => firstSeq + index);
  const result = { seq: firstSeq + count - 1, seqs };
  return tsMs === undefined ? result : { ...result, ts_ms: tsMs };
}

/**
 * What became of a write without acknowledgement: ours, another's, or null: not there (yet), to be sent again. A wrong-sequence
 * error says no more than silence does, because the server checks the expectation before the id: our own stored message causes it too.
 */
async function resolveOutcome(bus: Bus, messages: [Outgoing, ...Outgoing[]], deadlineMs: number): Promise<AppendResult | null> {
  const [first, ...rest] = messages;
  if (first.expect === undefined) return null;
  const found = await firstAfter(bus, first.subject, first.expect, deadlineMs);
  if (found)
    return found.header('Nats-Msg-Id') === first.id ? stored(found.seq, messages.length, found.ts_ms) : { conflict: first.subject };
  for (const message of rest) {
    if (message.expect === undefined) continue;
    const subject = message.expect_subject ?? message.subject;
    if (await firstAfter(bus, subject, message.expect, deadlineMs)) {
      // The batch may have landed since the first read; then this was ours as well.
      const again = await firstAfter(bus, first.subject, first.expect, deadlineMs);
      if (again?.header('Nats-Msg-Id') === first.id) return stored(again.seq, messages.length, again.ts_ms);
      return { conflict: subject };
    }
  }
  return null;
}

async function firstAfter(
  bus: Bus,
  subject: string,
  expected: number,
  deadlineMs: number,
): Promise<Awaited<ReturnType<typeof readLedger>>> {
  return readLedger(bus, { next_by_subj: subject, seq: expected + 1 }, Math.max(deadlineMs, 100));
}

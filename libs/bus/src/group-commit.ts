/**
 * The facts of all calls that arrive while the previous publish is in flight go into ONE message per partition and are released together
 * (architecture, "Durable before forward"). No timer: alone, a fact costs one round trip. Guarantees order within a partition and at most one message
 * in flight there, and that a message is stored once however late a copy of it arrives: each expects the last sequence of its own subject, on which nobody else
 * writes. Whoever needs certainty reads its own record back: an acknowledgement may be lost.
 */
import { randomBytes } from 'node:crypto';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { type ApiError, EXPECTED_HEADER, getMessage, isWrongSequence, LEDGER, pause } from './api.ts';
import type { Bus } from './connect.ts';
import { LedgerUnavailable } from './errors.ts';
import { callsSubject, PARTITIONS } from './subjects.ts';

/** Base64 of the entries of a message, each behind its length (16 bits, big-endian); entry i belongs to fact i. */
export const ENTRIES_HEADER = 'Sp-Entries';

export const MAX_CALLS = 200;
/** The server refuses more than 64 KB of headers. */
export const MAX_HEADER_BYTES = 48 * 1_024;
export const MAX_PAYLOAD_BYTES = 512 * 1_024;

export interface GroupCommit {
  /** Rejects with LedgerUnavailable when the message was not acknowledged in time; it may have been stored all the same. */
  submit(partition: number, fact: Fact, entry: Uint8Array): Promise<{ seq: number; index: number }>;
  /** The same without a promise per fact. Exactly one of the two is called, never in this turn; neither may throw. */
  put(
    partition: number,
    fact: Fact,
    entry: Uint8Array,
    onStored: (seq: number, index: number) => void,
    onLost: (error: Error) => void,
    options?: PutOptions,
  ): void;
  /** Facts that are waiting or in flight. */
  pending(): number;
  /** Facts that were told lost and are tried on all the same. */
  kept(): number;
  /** Nothing is tried on from now on. */
  stop(): void;
}

export interface PutOptions {
  /** Tried on after it was told lost, until it is stored: within the same message, so that it never stands twice. */
  keep?: boolean;
}

export interface GroupCommitOptions {
  boot: string;
  /** One message is sent again until then; default 2,000 ms. */
  deadline_ms?: number;
  attempt_ms?: number;
  /** Facts that may wait per partition; default 20,000. */
  max_waiting?: number;
}

interface Waiting {
  text: string;
  bytes: number;
  entry: Uint8Array;
  onStored: (seq: number, index: number) => void;
  onLost: (error: Error) => void;
  keep: boolean;
  told: boolean;
}

interface Lane {
  subject: string;
  /** Sequence of the last message on the subject, as far as is known. */
  last: number;
  waiting: Waiting[];
  busy: boolean;
  inFlight: Waiting[];
}

const DEADLINE_MS = 2_000;
const ATTEMPT_MS = 500;
const RETRY_MS = 25;
const MAX_WAITING = 20_000;
/** Of facts that must not be lost, beside those. */
const MAX_KEPT = 100_000;
const LENGTH_BYTES = 2;
const ID_HEADER = 'Nats-Msg-Id';

export function createGroupCommit(bus: Bus, options: GroupCommitOptions): GroupCommit {
  const { boot, deadline_ms = DEADLINE_MS, attempt_ms = ATTEMPT_MS, max_waiting = MAX_WAITING } = options;
  const lanes: Lane[] = Array.from({ length: PARTITIONS }, (_, partition) => ({
    subject: callsSubject(partition, boot),
    last: 0,
    waiting: [],
    busy: false,
    inFlight: [],
  }));
  let stopped = false;

  async function run(lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const group = takeGroup(lane.waiting);
      lane.inFlight = group;
      const message = messageOf(group);
      for (;;) {
        const stored = await publish(bus, lane, message, deadline_ms, attempt_ms).catch(
          (cause: unknown) => new LedgerUnavailable('the record of a call was not acknowledged', { cause }),
        );
        let index = 0;
        if (typeof stored === 'number') for (const call of group) settle(call, stored, index++);
        else for (const call of group) tell(call, stored);
        if (typeof stored === 'number' || stopped || !group.some((call) => call.keep)) break;
        // It may be stored already: only the same message may be sent again. Whoever waits behind it has no time for that.
        for (const call of lane.waiting) tell(call, stored);
        lane.waiting = lane.waiting.filter((call) => call.keep);
      }
      lane.inFlight = [];
      if (stopped) lane.waiting = [];
    }
    lane.busy = false;
  }

  const put: GroupCommit['put'] = (partition, fact, entry, onStored, onLost, { keep = false } = {}) => {
    const lane = lanes[partition];
    const text = JSON.stringify(fact);
    const bytes = Buffer.byteLength(text);
    const problem = !lane
      ? new RangeError('no such partition')
      : bytes + LENGTH_BYTES > MAX_PAYLOAD_BYTES || base64Length(entry.length + LENGTH_BYTES) > MAX_HEADER_BYTES
        ? new RangeError('the record of a call is too long')
        : lane.waiting.length >= (keep ? MAX_KEPT : max_waiting)
          ? new LedgerUnavailable('too many records are waiting')
          : null;
    if (!lane || problem) {
      queueMicrotask(() => onLost(problem ?? new RangeError('no such partition')));
      return;
    }
    lane.waiting.push({ text, bytes, entry, onStored, onLost, keep, told: false });
    if (lane.busy) return;
    lane.busy = true;
    // Behind the calls of this same turn, so that they share the message.
    queueMicrotask(() => void run(lane));
  };

  return {
    put,
    submit: (partition, fact, entry) =>
      new Promise((resolve, reject) => put(partition, fact, entry, (seq, index) => resolve({ seq, index }), reject)),
    pending: () => lanes.reduce((sum, lane) => sum + lane.waiting.length + lane.inFlight.length, 0),
    kept: () => lanes.reduce((sum, lane) => sum + [...lane.waiting, ...lane.inFlight].filter((call) => call.keep && call.told).length, 0),
    stop: () => {
      stopped = true;
    },
  };
}

function settle(call: Waiting, seq: number, index: number): void {
  if (!call.told) call.onStored(seq, index);
}

function tell(call: Waiting, error: Error): void {
  if (call.told) return;
  call.told = true;
  call.onLost(error);
}

function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Takes from the front as many as one message may hold: at least one. */
function takeGroup(waiting: Waiting[]): Waiting[] {
  let count = 0;
  let payload = 2;
  let entries = 0;
  for (const call of waiting) {
    payload += call.bytes + 1;
    entries += call.entry.length + LENGTH_BYTES;
    if (count > 0 && (count >= MAX_CALLS || payload > MAX_PAYLOAD_BYTES || base64Length(entries) > MAX_HEADER_BYTES)) break;
    count++;
  }
  return waiting.splice(0, count);
}

interface Message {
  id: string;
  fields: MsgHdrs;
  payload: string;
}

function messageOf(group: Waiting[]): Message {
  const id = randomBytes(12).toString('base64url');
  const fields = headers();
  fields.set(ID_HEADER, id);
  fields.set(ENTRIES_HEADER, frame(group.map((call) => call.entry)));
  return { id, fields, payload: `[${group.map((call) => call.text).join(',')}]` };
}

/**
 * Sent until it is known to be stored. A copy that was held up anywhere (the client keeps what it could not send) finds the subject moved on and is refused,
 * also when the server has long forgotten its id: its dedupe window is two minutes.
 */
async function publish(bus: Bus, lane: Lane, { id, fields, payload }: Message, deadlineMs: number, attemptMs: number): Promise<number> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const timeout = Math.max(1, Math.min(attemptMs, end - performance.now()));
    fields.set(EXPECTED_HEADER, String(lane.last));
    try {
      const answer = await bus.nc.request(lane.subject, payload, { headers: fields, timeout });
      const ack = answer.json<{ seq?: number; error?: ApiError }>();
      if (ack.seq) return (lane.last = ack.seq);
      if (!isWrongSequence(ack.error)) throw new Error(ack.error?.description ?? 'not stored');
      // Either this very message was stored, or one that was given up here landed before it.
      const last = await getMessage(bus, LEDGER, { last_by_subj: lane.subject }, timeout);
      const moved = last !== null && last.seq !== lane.last;
      if (moved) lane.last = last.seq;
      if (last?.header(ID_HEADER) === id) return last.seq;
      if (moved) continue;
      throw new Error('the subject is not where the server says');
    } catch (error) {
      if (performance.now() + RETRY_MS >= end) throw error;
    }
    await pause(RETRY_MS);
  }
}

function frame(entries: Uint8Array[]): string {
  const bytes = Buffer.alloc(entries.reduce((sum, entry) => sum + entry.length + LENGTH_BYTES, 0));
  let at = 0;
  for (const entry of entries) {
    at = bytes.writeUInt16BE(entry.length, at);
    bytes.set(entry, at);
    at += entry.length;
  }
  return bytes.toString('base64');
}

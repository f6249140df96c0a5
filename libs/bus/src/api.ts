/**
 * The JetStream API spoken plainly: requests with short timeouts, answers as values. Owns reading single messages at the stream's
 * leader; the client library's own retries are not used, because every caller here has a deadline of its own.
 */
import { MsgHdrsImpl } from '@nats-io/nats-core';
import type { Fact } from '@sallyport/contracts/fact.ts';
import type { Bus } from './connect.ts';
import { LedgerUnavailable } from './errors.ts';

export const LEDGER = 'LEDGER';
/** Of a message: the last sequence on its subject when it was stored, which the server made sure of. */
export const EXPECTED_HEADER = 'Nats-Expected-Last-Subject-Sequence';
export const API_TIMEOUT_MS = 1_000;
const READ_DEADLINE_MS = 3_000;
const RETRY_MS = 50;

export interface ApiError {
  code: number;
  err_code: number;
  description: string;
}

/** A refusal by the JetStream API, as against silence. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly error: ApiError;

  constructor(subject: string, error: ApiError) {
    super(`${subject}: ${error.description} (${error.err_code})`);
    this.error = error;
  }
}

/** One request to `$JS.API.<path>`; throws ApiRefusal for an error answer, the client's error when none comes. */
export async function api<T>(bus: Bus, path: string, body?: object, timeoutMs: number = API_TIMEOUT_MS): Promise<T> {
  const answer = await bus.nc.request(`$JS.API.${path}`, body ? JSON.stringify(body) : '', { timeout: timeoutMs });
  const parsed = answer.json<T & { error?: ApiError }>();
  if (parsed.error) throw new ApiRefusal(path, parsed.error);
  return parsed;
}

export interface StreamInfo {
  /** The server's clock, RFC 3339. */
  ts: string;
  state: { first_seq: number; last_seq: number; messages: number; subjects?: Record<string, number> };
}

export async function streamInfo(bus: Bus, stream: string = LEDGER, subjectsFilter?: string): Promise<StreamInfo> {
  return api<StreamInfo>(bus, `STREAM.INFO.${stream}`, subjectsFilter ? { subjects_filter: subjectsFilter } : undefined);
}

export interface StoredMessage {
  seq: number;
  subject: string;
  /** The stream's own timestamp, Unix ms. */
  ts_ms: number;
  header(name: string): string | undefined;
  data: Uint8Array;
}

export type MessageQuery = { last_by_subj: string } | { next_by_subj: string; seq: number } | { seq: number };

const NO_MESSAGE = 10037;
const WRONG_SEQUENCE = [10071, 10164];

/** The expectation of a publish did not hold: also what a stored message hears that is sent again. */
export function isWrongSequence(error: ApiError | undefined): boolean {
  return error !== undefined && WRONG_SEQUENCE.includes(error.err_code);
}

interface GetAnswer {
  message: { subject: string; seq: number; hdrs?: string; data?: string; time: string };
}

/** One message at the stream's leader, or null when there is none. */
export async function getMessage(
  bus: Bus,
  stream: string,
  query: MessageQuery,
  timeoutMs: number = API_TIMEOUT_MS,
): Promise<StoredMessage | null> {
  try {
    const { message } = await api<GetAnswer>(bus, `STREAM.MSG.GET.${stream}`, query, timeoutMs);
    const headers = message.hdrs ? MsgHdrsImpl.decode(Buffer.from(message.hdrs, 'base64')) : null;
    return {
      seq: message.seq,
      subject: message.subject,
      ts_ms: Date.parse(message.time),
      header: (name) => headers?.get(name) || undefined,
      data: Buffer.from(message.data ?? '', 'base64'),
    };
  } catch (error) {
    if (error instanceof ApiRefusal && error.error.err_code === NO_MESSAGE) return null;
    throw error;
  }
}

/** `getMessage` on the ledger, tried again until the deadline, then LedgerUnavailable. */
export async function readLedger(bus: Bus, query: MessageQuery, deadlineMs: number = READ_DEADLINE_MS): Promise<StoredMessage | null> {
  return persist(deadlineMs, () => getMessage(bus, LEDGER, query));
}

/** Runs a read until it succeeds or the deadline passes; a read may be repeated at will. */
export async function persist<T>(deadlineMs: number, read: () => Promise<T>): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (performance.now() + RETRY_MS >= end) throw new LedgerUnavailable('the ledger cannot be read', { cause: error });
    }
    await pause(RETRY_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const decoder = new TextDecoder();

/** The ledger is the trusted side: facts are validated where they are written, not where they are read. */
export function parseFacts(data: Uint8Array): Fact[] {
  return JSON.parse(decoder.decode(data)) as Fact[];
}

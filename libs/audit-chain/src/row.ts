/**
 * The audit row, its canonical text and its leaf hash (api.md §16.1).
 *
 * Every key is always present, so that the bytes under a leaf are the same wherever a row is made or rebuilt; only `http.override` is
 * there when true and absent otherwise.
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Layer = 'vault' | 'proxy' | 'dropoff' | 'skills' | 'system';
export type Outcome = 'success' | 'failure' | 'pending' | 'blocked' | 'unknown';

export type HttpFacts = {
  readonly method: string;
  readonly host: string;
  /** No query string. */
  readonly path: string;
  readonly status: number | null;
  readonly override?: true;
};

/** What a fact says of itself; the chain adds the rest (`chain.ts`). */
export type RowDraft = {
  readonly entry_id: string;
  /** The request id `req_…`, or null where no request caused the fact. */
  readonly trace_id: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
  readonly operator_id: string;
  readonly agent_id: string | null;
  readonly passport_jti: string | null;
  readonly layer: Layer;
  readonly action: string;
  readonly outcome: Outcome;
  readonly duration_ms: number | null;
  /** Of a call: its digest. */
  readonly payload_hash: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  /** Log sequence of the message that carried the fact; rows of one batch share it. */
  readonly stream_seq: number;
  readonly w3c_trace_id: string | null;
  /** The stream's time of that message, ISO 8601 UTC with exactly six decimals. */
  readonly recorded_at: string;
  readonly session_id: string | null;
  readonly actor: { readonly type: string; readonly id: string | null } | null;
  readonly service: string | null;
  readonly connection_id: string | null;
  readonly http: HttpFacts | null;
  readonly approval_id: string | null;
  readonly attempt_entry_id: string | null;
  readonly metadata: { readonly [key: string]: Json };
};

export type Row = RowDraft & {
  /** Unix milliseconds; never falls with `seq`. */
  readonly timestamp: number;
  readonly prev_entry_hash: string;
  readonly entry_hash: string;
  readonly row_version: 1;
  /** From 1 per operator, without gaps. */
  readonly seq: number;
  readonly leaf_hash: string;
};

/** The keys of a row in the order of the page: the columns of the CSV export and the order in which rows are answered. */
export const ROW_KEYS = [
  'entry_id',
  'timestamp',
  'trace_id',
  'span_id',
  'parent_span_id',
  'operator_id',
  'agent_id',
  'passport_jti',
  'layer',
  'action',
  'outcome',
  'duration_ms',
  'payload_hash',
  'error_code',
  'error_message',
  'prev_entry_hash',
  'entry_hash',
  'row_version',
  'seq',
  'stream_seq',
  'w3c_trace_id',
  'recorded_at',
  'session_id',
  'actor',
  'service',
  'connection_id',
  'http',
  'approval_id',
  'attempt_entry_id',
  'metadata',
  'leaf_hash',
] as const satisfies readonly (keyof Row)[];

/** The RFC 8785 text of a value. Throws `TypeError` for what has none (lone surrogates, NaN, infinities). */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new TypeError('value has no RFC 8785 form', { cause });
  }
  if (text === undefined) throw new TypeError('value has no RFC 8785 form');
  return text;
}

/** The RFC 6962 leaf of a row: lower-case hex SHA-256 of 0x00 and the canonical row without `leaf_hash`. A `leaf_hash` given is ignored. */
export function leafHash(row: Omit<Row, 'leaf_hash'>): string {
  const { leaf_hash: _ignored, ...covered }: Omit<Row, 'leaf_hash'> & { leaf_hash?: string } = row;
  return createHash('sha256').update(Buffer.of(0)).update(canonicalJson(covered)).digest('hex');
}

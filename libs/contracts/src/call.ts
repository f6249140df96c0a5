/**
 * What travels over the bus for one operation: the request as the edge heard it, and the owner's answer.
 * The owner authenticates: JWTs come whole, keys as their SHA-256 (architecture, "The bus").
 */
import type { Denial } from './errors.ts';

/** Who calls, as it came. `jwt` is whole; a key (`sk_live_…`) or a ticket (`tkt_…`) is only its SHA-256, hex. */
export type Bearer =
  | { kind: 'none' }
  | { kind: 'jwt'; token: string }
  | { kind: 'key'; sha256: string }
  | { kind: 'ticket'; sha256: string };

export interface BusCall {
  operation: string;
  bearer: Bearer;
  /** `X-Passport-Token`, whole. */
  passport_token?: string;
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
  request_id: string;
  traceparent?: string;
  idempotency_key?: string;
  min_event_seq?: number;
  /** Log position of the `assertion.used` entry that the edge had admitted for this control write (api.md §3.3). */
  assertion_seq?: number;
  /** Public key (X25519 JWK) of the asking edge, to which the owner seals `secret_out` fields. */
  reply_key?: Record<string, string>;
  /** Address of the peer, for limits and keyed network hashes; never logged in clear with a body. */
  peer?: string;
}

export interface Reply {
  status: number;
  body: unknown;
  /** Log sequence of the last fact written (`X-Event-Seq`). */
  event_seq?: number;
  /** Further response headers: `X-Next-Cursor`, `Link`, `Idempotency-Replayed`, `Content-Type`… */
  headers?: Record<string, string>;
}

export type BusAnswer = { ok: true; reply: Reply; stream?: AsyncIterable<Uint8Array> } | { ok: false; denial: Denial; replayed?: true };

export function reply(status: number, body: unknown, more: Omit<Reply, 'status' | 'body'> = {}): BusAnswer {
  return { ok: true, reply: { status, body, ...more } };
}

export function refuse(denial: Denial): BusAnswer {
  return { ok: false, denial };
}

/** A secret field on its way over the bus: a JWE for the one key that may open it. */
export interface SealedField {
  $sealed: string;
}

export function isSealedField(value: unknown): value is SealedField {
  return typeof value === 'object' && value !== null && '$sealed' in value && typeof value.$sealed === 'string';
}

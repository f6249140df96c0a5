/**
 * The record of an `Idempotency-Key` (api.md §1.5): one `unique` fact per principal, method, path and key, with the SHA-256 of the request body and
 * the answer, sealed by the owner. It joins the decision's batch, so a key is used once or not at all. Records older than 24 h count for nothing.
 */
import { createHash } from 'node:crypto';
import type { Denial } from '@sallyport/contracts/errors.ts';
import { denial, statusOf } from '@sallyport/contracts/errors.ts';
import type { DraftFact } from '@sallyport/contracts/fact.ts';
import { parseFacts, type StoredMessage } from './api.ts';

export interface Idempotency {
  /** 1 to 255 visible ASCII characters, checked by the edge. */
  key: string;
  /** Who asks: type and id. */
  principal: string;
  method_path: string;
  /** Hex. */
  body_sha256: string;
  /** Sealing and opening with the owner's key; what is sealed may hold secrets that are shown once. */
  seal: (plain: string) => Promise<string>;
  open: (sealed: string) => Promise<string>;
}

export const IDEMPOTENCY_FACT = 'idempotency.recorded';
const KEPT_MS = 86_400_000;

/** What is sealed: the value of a decision, or its refusal. */
export type StoredAnswer = { value: unknown } | { denial: Denial };

export function idempotencyHash({ principal, method_path, key }: Pick<Idempotency, 'principal' | 'method_path' | 'key'>): string {
  return createHash('sha256')
    .update(JSON.stringify(['idempotency', principal, method_path, key]))
    .digest('base64url');
}

export async function recordFact(idempotency: Idempotency, answer: StoredAnswer): Promise<DraftFact> {
  return {
    type: IDEMPOTENCY_FACT,
    v: 1,
    data: { body_sha256: idempotency.body_sha256, answer: await idempotency.seal(JSON.stringify(answer)) },
  };
}

export type Recorded = { kind: 'fresh'; expect: number } | { kind: 'reused' } | { kind: 'repeat'; seq: number; answer: StoredAnswer };

/** Judges the last message on the key's subject. `nowMs` is the ledger's clock. */
export async function judgeRecord(idempotency: Idempotency, last: StoredMessage | null, nowMs: number): Promise<Recorded> {
  if (!last) return { kind: 'fresh', expect: 0 };
  if (last.ts_ms + KEPT_MS <= nowMs) return { kind: 'fresh', expect: last.seq };
  const data = parseFacts(last.data)[0]?.data ?? {};
  if (data['body_sha256'] !== idempotency.body_sha256) return { kind: 'reused' };
  // Sealed by this owner from a StoredAnswer; opening fails for anything else.
  const answer = JSON.parse(await idempotency.open(String(data['answer']))) as StoredAnswer;
  return { kind: 'repeat', seq: last.seq, answer };
}

export function keyReused(): Denial {
  return denial('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another body.');
}

export function inProgress(): Denial {
  return {
    ...denial('CONFLICT', 'The first request with this Idempotency-Key is still running.', { reason: 'request_in_progress' }),
    retry_after: 1,
  };
}

/**
 * 5xx answers are not stored, nor are refusals that are about the moment or the caller rather than the request. Nor is the one that anybody gets without
 * a credential: each would be a message in the log for good.
 */
export function isStorable(refusal: Denial): boolean {
  const status = statusOf(refusal);
  return status < 500 && status !== 401 && status !== 429 && refusal.metadata?.['reason'] !== 'already_bootstrapped';
}

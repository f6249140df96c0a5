/** From a decision to an answer of the bus. */
import type { Decided } from '@sallyport/bus/ledger.ts';
import { type BusAnswer, refuse, type Reply, reply } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';

/** Success with the operation's own status; 200 for operations without HTTP. */
export function success(operation: Operation, body: unknown, more: Omit<Reply, 'status' | 'body'> = {}): BusAnswer {
  return reply(operation.http?.status ?? 200, body, more);
}

/** `X-Event-Seq` from the decision; `Idempotency-Replayed` when it is an earlier one's. */
export function answerOf<T>(operation: Operation, decided: Decided<T>, body: (value: T) => unknown): BusAnswer {
  if (!decided.ok) return { ...refuse(decided.denial), ...(decided.replayed && { replayed: true }) };
  return success(operation, body(decided.value), {
    ...(decided.seq > 0 && { event_seq: decided.seq }),
    ...(decided.replayed && { headers: { 'Idempotency-Replayed': 'true' } }),
  });
}

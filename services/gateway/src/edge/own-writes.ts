/**
 * Reads that show what their caller has just written through this gateway, also when the client sends no `X-Min-Event-Seq` (api.md §1.7, ADR 68).
 * Only a wait: what is not there in time is answered as it stands, as without this.
 */
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { AskOwner } from './ask-owner.ts';

const YOUNG_MS = 5_000;
const MOST_CALLERS = 10_000;

export interface OwnWrites {
  /** Asks as `ask` does, for a caller named by `callerKey`. */
  ask(ask: AskOwner, operation: Operation, call: BusCall, caller: string): Promise<BusAnswer>;
}

export function createOwnWrites(): OwnWrites {
  const written = new Map<string, { seq: number; at: number }>();

  function note(caller: string, seq: number): void {
    const before = written.get(caller)?.seq ?? 0;
    written.delete(caller);
    written.set(caller, { seq: Math.max(seq, before), at: performance.now() });
    for (const oldest of written.size > MOST_CALLERS ? written.keys().take(1) : []) written.delete(oldest);
  }

  function young(caller: string): number | null {
    const last = written.get(caller);
    if (last && performance.now() - last.at < YOUNG_MS) return last.seq;
    written.delete(caller);
    return null;
  }

  return {
    ask: async (ask, operation, call, caller) => {
      const isRead = operation.http?.method === 'GET';
      const seen = isRead && call.min_event_seq === undefined ? young(caller) : null;
      if (seen !== null) {
        const answer = await ask(operation, { ...call, min_event_seq: seen });
        // A young id of somebody else is looked for again only where no sequence is asked for.
        if (answer.ok || (answer.denial.code !== 'READ_MODEL_BEHIND' && answer.denial.code !== 'NOT_FOUND')) return answer;
      }
      const answer = await ask(operation, call);
      if (!isRead && answer.ok && answer.reply.event_seq !== undefined) note(caller, answer.reply.event_seq);
      return answer;
    },
  };
}

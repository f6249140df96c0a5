/**
 * Signals into the ledger (detectors.md §1.9). A signal's subject bears its id and takes one message: whoever computes it again, in replay or as a
 * second owner, finds it there. Waits out an outage of the ledger, because a signal that is not written must not be passed.
 */
import { randomBytes } from 'node:crypto';
import { append } from '@sallyport/bus/append.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { aggregateSubject } from '@sallyport/bus/subjects.ts';
import { type Actor, draft, type Fact } from '@sallyport/contracts/fact.ts';
import { signalRaised, signalRepeated } from '@sallyport/contracts/facts/detection.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { signalKind } from '../domain/signal.ts';
import type { Raised, Repeated } from '../framework/host.ts';
import type { Signals } from '../signals.ts';

export const DETECTORS_ACTOR: Actor = { type: 'service', id: 'detectors' };

export interface SignalWriter {
  /** The signal's sequence, whoever wrote it; null when `goOn` said no before it was written. */
  raise(signal: Raised, goOn: () => boolean): Promise<number | null>;
  /** Counts are absolute: a lower one than the ledger has is not written. */
  repeat(repeated: Repeated, goOn: () => boolean): Promise<void>;
}

const AGAIN_MS = 200;

export function createSignalWriter({
  bus,
  clock,
  ledger,
  signals,
}: {
  bus: Bus;
  clock: Clock;
  ledger: Ledger;
  signals: Signals;
}): SignalWriter {
  async function persist<T>(goOn: () => boolean, write: () => Promise<T>): Promise<T | null> {
    while (goOn()) {
      try {
        return await write();
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) throw error;
        bus.log.error(errorFields(error), 'a signal could not be written');
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    return null;
  }

  return {
    raise: async (signal, goOn) => {
      const subject = aggregateSubject(signal.cause.operator_id, 'signal', signal.signal_id);
      const facts = [raisedFact(signal, clock.now())];
      const id = randomBytes(12).toString('base64url');
      return persist(goOn, async () => {
        const result = await append(bus, [{ subject, facts, expect: 0, id }]);
        if ('conflict' in result) return ledger.lastSeq(subject);
        signals.raised(signal, clock.now() - signal.cause.at);
        return result.seq;
      });
    },
    repeat: async ({ signal_id, operator_id, count, last_at_ms }, goOn) => {
      await persist(goOn, () =>
        ledger.decide({ operator_id, actor: DETECTORS_ACTOR }, async (read) => {
          const { state } = await read.get(signalKind, operator_id, signal_id);
          const isNews = state.status !== 'none' && count > state.count;
          const fact = draft(signalRepeated, { signal_id, count, last_at_ms });
          return { write: isNews ? [{ on: signalKind, operator_id, id: signal_id, facts: [fact] }] : [], value: null };
        }),
      );
    },
  };
}

function raisedFact({ cause, ...signal }: Raised, now: number): Fact {
  const { agent_id, session_id, mission_id, jti, traceparent } = cause;
  const metadata: Record<string, unknown> = { ...signal.metadata };
  const data = { ...signal, metadata, mode: cause.mode, cause_seq: cause.pos.seq, dry_run: false };
  return {
    ...draft(signalRaised, data),
    id: newId('event', now),
    at: now,
    operator_id: cause.operator_id,
    ...(agent_id !== null && { agent_id }),
    ...(session_id !== null && { session_id }),
    ...(mission_id !== null && { mission_id }),
    ...(jti !== null && { jti }),
    actor: DETECTORS_ACTOR,
    causation_id: cause.id,
    ...(traceparent !== null && { traceparent }),
  };
}

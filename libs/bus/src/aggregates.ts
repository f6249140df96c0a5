/**
 * Aggregates, read at the stream's leader: what is kept in memory plus whatever stands on the subject after it. Owns a bounded cache,
 * which saves reading but is never believed alone: each read asks the leader for what comes next. One round trip where nothing is new, or
 * where all there is is one message.
 */
import type { Fact, Position } from '@sallyport/contracts/fact.ts';
import { EXPECTED_HEADER, parseFacts, readLedger, type StoredMessage } from './api.ts';
import type { Clock } from './clock.ts';
import type { Bus } from './connect.ts';
import { aggregateSubject } from './subjects.ts';

export type FactPosition = Position & { subject: string };

export interface AggregateKind<S> {
  kind: string;
  initial: () => S;
  /** Pure, and must return a new state: the old one stays in the cache. */
  evolve: (state: S, fact: Fact, at: FactPosition) => S;
}

/** `seq`: the aggregate's last message, 0 when there is none. */
export interface Loaded<S> {
  state: S;
  seq: number;
}

export interface Aggregates {
  load<S>(kind: AggregateKind<S>, operatorId: string, id: string): Promise<Loaded<S>>;
}

const MAX_CACHED = 20_000;

/** `onRead` is told the sequence of each message that the leader was seen to have. */
export function createAggregates(bus: Bus, clock: Clock, onRead: (seq: number) => void, maxCached: number = MAX_CACHED): Aggregates {
  // One map per kind, because only there is the state's type known; the oldest read anywhere leaves first.
  const byKind = new WeakMap<object, Map<string, unknown>>();
  const recent = new Map<string, () => void>();
  const kindNumbers = new WeakMap<object, number>();
  let kinds = 0;

  function cacheOf<S>(kind: AggregateKind<S>): Map<string, Loaded<S>> {
    const known = byKind.get(kind);
    // The map under a kind was made by this function for that kind: its values are of that kind's state.
    if (known) return known as Map<string, Loaded<S>>;
    const made = new Map<string, Loaded<S>>();
    byKind.set(kind, made);
    kindNumbers.set(kind, kinds++);
    return made;
  }

  function keep<S>(kind: AggregateKind<S>, subject: string, loaded: Loaded<S>): void {
    const cache = cacheOf(kind);
    const known = cache.get(subject);
    if (!known || loaded.seq >= known.seq) cache.set(subject, loaded);
    const key = `${kindNumbers.get(kind)} ${subject}`;
    recent.delete(key);
    recent.set(key, () => cache.delete(subject));
    if (recent.size <= maxCached) return;
    for (const [oldest, drop] of recent) {
      drop();
      recent.delete(oldest);
      return;
    }
  }

  return {
    load: async (kind, operatorId, id) => {
      const subject = aggregateSubject(operatorId, kind.kind, id);
      let loaded = cacheOf(kind).get(subject) ?? { state: kind.initial(), seq: 0 };
      const take = (message: StoredMessage): void => {
        clock.observe(message.ts_ms);
        onRead(message.seq);
        loaded = { state: evolveAll(kind, loaded.state, message), seq: message.seq };
      };
      // Of what was never read, the last message may be the first as well, which its own expectation tells.
      const last = loaded.seq === 0 ? await readLedger(bus, { last_by_subj: subject }) : null;
      if (loaded.seq === 0 && !last) return loaded;
      if (last?.header(EXPECTED_HEADER) === '0') take(last);
      else {
        for (;;) {
          const message = await readLedger(bus, { next_by_subj: subject, seq: loaded.seq + 1 });
          if (message) take(message);
          if (!message || message.seq === last?.seq) break;
        }
      }
      if (loaded.seq > 0) keep(kind, subject, loaded);
      return loaded;
    },
  };
}

function evolveAll<S>(kind: AggregateKind<S>, state: S, message: StoredMessage): S {
  const { seq, ts_ms, subject } = message;
  return parseFacts(message.data).reduce((current, fact, index) => kind.evolve(current, fact, { seq, index, ts_ms, subject }), state);
}

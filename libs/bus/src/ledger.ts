/**
 * Deciding against the ledger (architecture, "Deciding"). Guarantees that a decision's facts stand in the ledger only if everything it read was
 * still so when they were written, for aggregates and unique things alike: two deciders cannot both win. Costs one round trip per read and one
 * for the write. Does not authenticate, validate or arm timers.
 */
import { randomBytes } from 'node:crypto';
import type { Denial } from '@sallyport/contracts/errors.ts';
import type { Actor, DraftFact, Fact } from '@sallyport/contracts/fact.ts';
import { makeId } from '@sallyport/contracts/ids.ts';
import { type AggregateKind, createAggregates, type Loaded } from './aggregates.ts';
import { parseFacts, pause, persist, readLedger, streamInfo } from './api.ts';
import { append } from './append.ts';
import type { Clock } from './clock.ts';
import { compose, messageId, type Write } from './compose.ts';
import type { Bus } from './connect.ts';
import { LedgerUnavailable } from './errors.ts';
import { type FenceAcks, openFenceAcks } from './fences.ts';
import {
  type Idempotency,
  idempotencyHash,
  inProgress,
  isStorable,
  judgeRecord,
  keyReused,
  type Recorded,
  recordFact,
  type StoredAnswer,
} from './idempotency.ts';
import { createRunning } from './running.ts';
import { aggregateSubject, uniqueSubject } from './subjects.ts';

export type { AggregateKind, FactPosition, Loaded } from './aggregates.ts';
export type { Write } from './compose.ts';

/** Reads may be asked in parallel. What was read is what the write expects. */
export interface Reader {
  get<S>(kind: AggregateKind<S>, operatorId: string, id: string): Promise<Loaded<S>>;
  /** The fact that took this name first, or null. A decision must read a unique thing before it writes it. */
  unique(operatorId: string, hash: string): Promise<Fact | null>;
  /** The ledger's clock, Unix ms. */
  now: number;
}

export type Decision<T> = { deny: Denial } | { write: Write[]; value: T };

export interface Scope {
  operator_id: string;
  actor: Actor;
  request_id?: string;
  traceparent?: string;
  causation_id?: string;
  /** The value must survive JSON: a repeat gets it from there. */
  idempotency?: Idempotency;
}

export type Decided<T> =
  | { ok: true; value: T; seq: number; replayed?: true; acks?: FenceAcks }
  | { ok: false; denial: Denial; seq?: number; replayed?: true };

export interface Ledger {
  /**
   * `fn` is pure but for its reads and runs again from scratch after a conflict. `seq` is the last message written, 0 if none.
   * Throws LedgerUnavailable when the ledger cannot be read or written, or when ten tries all lost.
   */
  decide<T>(scope: Scope, fn: (read: Reader) => Promise<Decision<T>>): Promise<Decided<T>>;
  load<S>(kind: AggregateKind<S>, operatorId: string, id: string): Promise<Loaded<S>>;
  /** Sequence of the last message that the filter (wildcards allowed) matches, 0 if none. */
  lastSeq(subjectFilter: string): Promise<number>;
  streamLast(): Promise<number>;
  /**
   * A position, not below `minSeq`, that the leader was seen to have: whatever is read from now on is complete up to it. Costs a question only where this
   * process has not met `minSeq` yet. Throws LedgerUnavailable when the leader is not there yet.
   */
  readFrom(minSeq: number): Promise<number>;
}

export interface LedgerOptions {
  clock: Clock;
  /** Aggregate states kept in memory; default 20,000. */
  max_cached?: number;
}

const MAX_TRIES = 10;
const JITTER_MS = 15;
const READ_MS = 3_000;

export function createLedger(bus: Bus, { clock, max_cached }: LedgerOptions): Ledger {
  let met = 0;
  const meet = (seq: number): void => {
    met = Math.max(met, seq);
  };
  const aggregates = createAggregates(bus, clock, meet, max_cached);
  const running = createRunning(bus);

  async function streamLast(): Promise<number> {
    const { last_seq } = (await persist(READ_MS, () => streamInfo(bus))).state;
    meet(last_seq);
    return last_seq;
  }

  async function lastSeq(subjectFilter: string): Promise<number> {
    return (await readLedger(bus, { last_by_subj: subjectFilter }))?.seq ?? 0;
  }

  /** What one try reads is one picture: a thing read twice is asked once, and what is written expects it as it was read. */
  function readerFor(expectations: Map<string, number>): Reader {
    const asked = new Map<string, Promise<unknown>>();
    const once = <T>(subject: string, question: () => Promise<T>): Promise<T> => {
      // A subject has one kind, and so one type.
      const known = (asked.get(subject) as Promise<T> | undefined) ?? question();
      asked.set(subject, known);
      return known;
    };
    return {
      now: clock.now(),
      get: (kind, operatorId, id) => {
        const subject = aggregateSubject(operatorId, kind.kind, id);
        return once(subject, async () => {
          const loaded = await aggregates.load(kind, operatorId, id);
          expectations.set(subject, loaded.seq);
          return loaded;
        });
      },
      unique: (operatorId, hash) => {
        const subject = uniqueSubject(operatorId, hash);
        return once(subject, async () => {
          const first = await readLedger(bus, { next_by_subj: subject, seq: 1 });
          expectations.set(subject, 0);
          return first ? (parseFacts(first.data)[0] ?? null) : null;
        });
      },
    };
  }

  async function judge(subject: string, idempotency: Idempotency): Promise<Recorded> {
    return judgeRecord(idempotency, await readLedger(bus, { last_by_subj: subject }), clock.now());
  }

  /** What a repeat is answered without deciding; null: the first one has left nothing yet. */
  async function recorded<T>(operatorId: string, idempotency: Idempotency): Promise<Decided<T> | null> {
    return answered<T>(await judge(uniqueSubject(operatorId, idempotencyHash(idempotency)), idempotency));
  }

  /** One run of `fn` and one write; null after a conflict. */
  async function attempt<T>(scope: Scope, fn: (read: Reader) => Promise<Decision<T>>): Promise<Decided<T> | null> {
    const { idempotency } = scope;
    const expectations = new Map<string, number>();
    const key = idempotency ? { idempotency, subject: uniqueSubject(scope.operator_id, idempotencyHash(idempotency)) } : null;
    const [record, decision] = await Promise.all([key ? judge(key.subject, key.idempotency) : null, fn(readerFor(expectations))]);
    const known = record && answered<T>(record);
    if (known) return known;
    const storable = 'deny' in decision ? isStorable(decision.deny) : true;
    const writes = 'deny' in decision ? [] : decision.write;
    const acks = writes.some((write) => 'fence' in write && write.fence.ack) ? openFenceAcks(bus) : undefined;
    try {
      const messages = compose(scope, writes, expectations, {
        newFact: (draft, operatorId) => envelope(scope, draft, operatorId, clock.now()),
        ack: acks?.subject,
      });
      if (key && record?.kind === 'fresh' && storable) {
        const answer: StoredAnswer = 'deny' in decision ? { denial: decision.deny } : { value: decision.value };
        const fact = envelope(scope, await recordFact(key.idempotency, answer), scope.operator_id, clock.now());
        messages.push({ subject: key.subject, facts: [fact], expect: record.expect, id: messageId() });
      }
      // A fence first could not be told from another's after an unknown outcome: it gets an expectation of its own.
      const first = messages[0];
      if (first && first.expect === undefined) first.expect = await lastSeq(first.subject);
      const result = messages.length > 0 ? await append(bus, messages) : { seq: 0 };
      if ('conflict' in result) {
        acks?.stop();
        return null;
      }
      meet(result.seq);
      if ('deny' in decision) return { ok: false, denial: decision.deny, seq: result.seq };
      return { ok: true, value: decision.value, seq: result.seq, ...(acks && { acks }) };
    } catch (error) {
      acks?.stop();
      throw error;
    }
  }

  async function decide<T>(scope: Scope, fn: (read: Reader) => Promise<Decision<T>>): Promise<Decided<T>> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (tries > 0) await pause(Math.random() * JITTER_MS * tries);
      const decided = await attempt(scope, fn);
      if (decided) return decided;
    }
    throw new LedgerUnavailable(`${MAX_TRIES} attempts to decide met other deciders`);
  }

  return {
    decide: async (scope, fn) => {
      if (!scope.idempotency) return decide(scope, fn);
      const end = await running.begin(scope.operator_id, idempotencyHash(scope.idempotency));
      // Its answer stands in the log before its mark is gone.
      if (!end) return (await recorded(scope.operator_id, scope.idempotency)) ?? { ok: false, denial: inProgress() };
      try {
        return await decide(scope, fn);
      } finally {
        end();
      }
    },
    load: (kind, operatorId, id) => aggregates.load(kind, operatorId, id),
    lastSeq,
    streamLast,
    readFrom: async (minSeq) => {
      if (met < minSeq && (await streamLast()) < minSeq) throw new LedgerUnavailable('the leader has not what the asker has read');
      return met;
    },
  };
}

function answered<T>(record: Recorded): Decided<T> | null {
  if (record.kind === 'fresh') return null;
  if (record.kind === 'reused') return { ok: false, denial: keyReused() };
  const { answer, seq } = record;
  if ('denial' in answer) return { ok: false, denial: answer.denial, seq, replayed: true };
  // The value was sealed from a decision of this same operation (method and path are part of the key).
  return { ok: true, value: answer.value as T, seq, replayed: true };
}

function envelope(scope: Scope, draft: DraftFact, operatorId: string, now: number): Fact {
  const { id, type, v, data, ...whose } = draft;
  const { actor, request_id, traceparent, causation_id } = scope;
  return {
    id: id ?? makeId('event', now, randomBytes(10)),
    type,
    v,
    at: now,
    operator_id: operatorId,
    ...whose,
    actor,
    ...(causation_id !== undefined && { causation_id }),
    ...(request_id !== undefined && { request_id }),
    ...(traceparent !== undefined && { traceparent }),
    data,
  };
}

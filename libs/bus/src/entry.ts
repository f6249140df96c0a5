/** A message of the ledger as a follower sees it. Everything but its place is read only when asked for: a gateway sees every entry of all gateways. */
import type { Msg } from '@nats-io/nats-core';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { parseFacts } from './api.ts';
import type { Log } from './log.ts';
import { isRightful } from './owners.ts';

export interface Entry {
  readonly seq: number;
  readonly subject: string;
  /** The stream's own timestamp, Unix ms. */
  readonly ts_ms: number;
  /** The same in nanoseconds, as the stream has it. */
  ts_ns(): bigint;
  header(name: string): string | undefined;
  /** Those of the subject's owner: what somebody else wrote there is told to the log and counts for nothing. Throws for a headers-only follower. */
  facts(): Fact[];
  /** Bytes of the payload, also for a headers-only follower. */
  readonly size: number;
}

export interface Delivery {
  seq: number;
  consumer_seq: number;
  ts_ms: number;
}

/**
 * The place of a delivered message from its reply subject, or null for heartbeats and flow control. The subject is
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<ns>.<pending>`, in the newer form with domain and account before the stream
 * and one random token at the end.
 */
export function deliveryOf(message: Msg): Delivery | null {
  const reply = message.reply;
  if (!reply?.startsWith('$JS.ACK.')) return null;
  const parts = reply.split('.');
  const at = parts.length > 9 ? 7 : 5;
  return { seq: Number(parts[at]), consumer_seq: Number(parts[at + 1]), ts_ms: Number(parts[at + 2]?.slice(0, -6)) };
}

/** A class, because one is made per message of the whole platform: methods on a prototype cost nothing per message. */
class DeliveredEntry implements Entry {
  readonly seq: number;
  readonly ts_ms: number;
  readonly #message: Msg;
  readonly #headersOnly: boolean;
  readonly #log: Log;
  #facts: Fact[] | undefined;

  constructor(message: Msg, delivery: Delivery, headersOnly: boolean, log: Log) {
    this.seq = delivery.seq;
    this.ts_ms = delivery.ts_ms;
    this.#message = message;
    this.#headersOnly = headersOnly;
    this.#log = log;
  }

  ts_ns(): bigint {
    const parts = this.#message.reply?.split('.') ?? [];
    return BigInt(parts[parts.length > 9 ? 9 : 7] ?? 0);
  }

  get subject(): string {
    return this.#message.subject;
  }

  get size(): number {
    return this.#headersOnly ? Number(this.header('Nats-Msg-Size')) || 0 : this.#message.data.length;
  }

  header(name: string): string | undefined {
    return this.#message.headers?.get(name) || undefined;
  }

  facts(): Fact[] {
    if (this.#headersOnly) throw new Error('a headers-only follower has no facts');
    this.#facts ??= parseFacts(this.#message.data).filter((fact) => this.#isRightful(fact));
    return this.#facts;
  }

  #isRightful({ type, operator_id }: Fact): boolean {
    const { seq, subject } = this;
    const rightful = isRightful(subject, { type, operator_id });
    if (!rightful) this.#log.error({ seq, subject, type }, 'a fact stands where its owner does not write: it counts for nothing');
    return rightful;
  }
}

export function entryOf(message: Msg, delivery: Delivery, headersOnly: boolean, log: Log): Entry {
  return new DeliveredEntry(message, delivery, headersOnly, log);
}

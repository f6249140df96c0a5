/** A message of the ledger as a follower sees it. Everything but its place is read only when asked for: a gateway sees every entry of all gateways. */
import type { Msg } from '@nats-io/nats-core';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { parseFacts } from './api.ts';

export interface Entry {
  seq: number;
  subject: string;
  /** The stream's own timestamp, Unix ms. */
  ts_ms: number;
  header(name: string): string | undefined;
  /** Throws for a headers-only follower. */
  facts(): Fact[];
  /** Bytes of the payload, also for a headers-only follower. */
  size: number;
}

export interface Delivery {
  seq: number;
  consumer_seq: number;
  ts_ms: number;
}

/** The place of a delivered message from its reply subject, or null for heartbeats and flow control. */
export function deliveryOf(message: Msg): Delivery | null {
  const reply = message.reply;
  if (!reply?.startsWith('$JS.ACK.')) return null;
  // $JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<ns>.<pending>; two more tokens stand before the stream in the newer form.
  const parts = reply.split('.');
  const at = parts.length > 9 ? 7 : 5;
  const nanoseconds = parts[at + 2] ?? '';
  return { seq: Number(parts[at]), consumer_seq: Number(parts[at + 1]), ts_ms: Number(nanoseconds.slice(0, -6)) };
}

export function entryOf(message: Msg, delivery: Delivery, headersOnly: boolean): Entry {
  let facts: Fact[] | undefined;
  return {
    seq: delivery.seq,
    subject: message.subject,
    ts_ms: delivery.ts_ms,
    header: (name) => message.headers?.get(name) || undefined,
    facts: () => {
      if (headersOnly) throw new Error('a headers-only follower has no facts');
      facts ??= parseFacts(message.data);
      return facts;
    },
    get size() {
      return headersOnly ? Number(message.headers?.get('Nats-Msg-Size')) || 0 : message.data.length;
    },
  };
}

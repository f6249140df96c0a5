/**
 * Leases in a memory bucket that is gone when NATS restarts (architecture, "Leases and the sweeper"). A holder judges its own lease by monotonic time
 * since it SENT its last confirmed renewal; the bucket forgets it no earlier, so two holders never both believe. The fencing number is not from
 * here: it comes from Postgres (`takeFence`), on each take-over.
 */
import { headers } from '@nats-io/nats-core';
import { LEASE_LAPSE_MS, LEASES } from './admin.ts';
import { API_TIMEOUT_MS, EXPECTED_HEADER, getMessage, streamInfo } from './api.ts';
import type { Bus } from './connect.ts';
import { errorFields } from './log.ts';

export interface LeaseOptions {
  /** Begins with the NATS user's name: `audit.partition.3`, `gateway.boot.<boot>`. */
  key: string;
  holder: string;
  takeFence?: () => Promise<number>;
  renew_ms?: number;
  /** How long a holder believes without renewal; at most 15 s, after which the bucket forgets. */
  lapse_ms?: number;
}

export interface Lease {
  held(): boolean;
  /** Of the current holding; 0 without `takeFence` or while not held. */
  fence(): number;
  remaining_ms(): number;
  /** Resolves at the first take-over. */
  taken: Promise<void>;
  /** Gives the lease back, if it can. */
  stop(): Promise<void>;
}

const RENEW_MS = 5_000;
const KEY = /^[a-z]+(\.[A-Za-z0-9_-]{1,64}){1,4}$/;
const prefix = '$KV.leases.';

interface Value {
  holder: string;
  fence: number;
}

export function createLease(bus: Bus, options: LeaseOptions): Lease {
  const { key, holder, takeFence, renew_ms = RENEW_MS, lapse_ms = LEASE_LAPSE_MS } = options;
  if (!KEY.test(key) || !key.startsWith(`${bus.user}.`)) throw new RangeError('a lease key begins with the name of its user');
  if (lapse_ms > LEASE_LAPSE_MS) throw new RangeError('no lease outlives the bucket');
  const subject = prefix + key;
  const taken = Promise.withResolvers<void>();
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let seq: number | null = null;
  let fence = 0;
  let stopped = false;

  const remaining = (): number => (seq === null ? 0 : Math.max(0, confirmedAt + lapse_ms - performance.now()));

  function lose(): void {
    seq = null;
    fence = 0;
  }

  const put = (expected: number, value: Value): Promise<number | null> => writeKey(bus, subject, expected, value);

  async function acquire(): Promise<void> {
    const current = await getMessage(bus, LEASES, { last_by_subj: subject });
    const value = current ? parseValue(current.data) : null;
    if (value && value.holder !== holder) return;
    const sentAt = performance.now();
    const first = await put(current?.seq ?? 0, { holder, fence: 0 });
    if (first === null) return;
    if (takeFence) {
      const number = await takeFence();
      const second = await put(first, { holder, fence: number });
      if (second === null) return;
      fence = number;
      seq = second;
    } else seq = first;
    confirmedAt = sentAt;
    taken.resolve();
    bus.log.info({ key, fence }, 'lease taken');
  }

  async function renew(held: number): Promise<void> {
    const sentAt = performance.now();
    const next = (await put(held, { holder, fence })) ?? (await adopt());
    if (next === null) {
      bus.log.warn({ key }, 'lease lost');
      return lose();
    }
    seq = next;
    confirmedAt = sentAt;
  }

  /** After a refused renewal: our own unacknowledged one, or an empty bucket, is renewed from there; another holder's is not. */
  async function adopt(): Promise<number | null> {
    const current = await getMessage(bus, LEASES, { last_by_subj: subject });
    const value = current ? parseValue(current.data) : null;
    if (value && (value.holder !== holder || value.fence !== fence)) return null;
    // An empty key after our own lapse may have been held and given back by another since; then only a new fence will do.
    if (!value && takeFence && remaining() <= 0) return null;
    return put(current?.seq ?? 0, { holder, fence });
  }

  async function tick(): Promise<void> {
    try {
      if (seq !== null && remaining() <= 0) {
        bus.log.warn({ key }, 'lease lapsed');
        lose();
      }
      await (seq === null ? acquire() : renew(seq));
    } catch (error) {
      bus.log.warn({ key, ...errorFields(error) }, 'lease could not be renewed');
    }
  }

  let timer: NodeJS.Timeout | undefined;
  let ticking = Promise.resolve();
  const loop = (): void => {
    ticking = tick().finally(() => {
      // A failed or missing renewal is tried again sooner than a good one.
      if (!stopped) timer = setTimeout(loop, seq !== null && remaining() > lapse_ms - renew_ms ? renew_ms : Math.min(renew_ms, 500));
    });
  };
  loop();

  return {
    held: () => remaining() > 0,
    fence: () => (remaining() > 0 ? fence : 0),
    remaining_ms: remaining,
    taken: taken.promise,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await ticking;
      clearTimeout(timer);
      const held = seq;
      lose();
      if (held !== null) await writeKey(bus, subject, held, null).catch(() => null);
    },
  };
}

/** Into the bucket. The new sequence, or null when the expectation was wrong. `null` as value gives the key back. */
export async function writeKey(bus: Bus, subject: string, expected: number, value: Value | null): Promise<number | null> {
  const fields = headers();
  fields.set(EXPECTED_HEADER, String(expected));
  if (!value) fields.set('KV-Operation', 'DEL');
  const answer = await bus.nc.request(subject, value ? JSON.stringify(value) : '', { headers: fields, timeout: API_TIMEOUT_MS });
  const ack = answer.json<{ seq?: number; error?: { err_code: number; description: string } }>();
  if (ack.seq) return ack.seq;
  if (ack.error?.err_code === 10071 || ack.error?.err_code === 10164) return null;
  throw new Error(ack.error?.description ?? 'not stored');
}

function parseValue(data: Uint8Array): Value | null {
  if (data.length === 0) return null;
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  if (typeof value !== 'object' || value === null || !('holder' in value) || !('fence' in value)) return null;
  return typeof value.holder === 'string' && typeof value.fence === 'number' ? { holder: value.holder, fence: value.fence } : null;
}

export interface Holder extends Value {
  key: string;
  /** By the stream's clock: a holder whose lapse is shorter than the bucket's is judged by it. */
  renewed_at_ms: number;
}

/** Leases under `<prefix>.` that the bucket still knows, e.g. `gateway.boot`. Empty after a restart of NATS until the holders have renewed. */
export async function liveHolders(bus: Bus, keyPrefix: string): Promise<Holder[]> {
  const info = await streamInfo(bus, LEASES, `${prefix}${keyPrefix}.>`);
  const subjects = Object.keys(info.state.subjects ?? {});
  const holders = await Promise.all(
    subjects.map(async (subject) => {
      const message = await getMessage(bus, LEASES, { last_by_subj: subject });
      const value = message ? parseValue(message.data) : null;
      return message && value ? { key: subject.slice(prefix.length), ...value, renewed_at_ms: message.ts_ms } : null;
    }),
  );
  return holders.filter((holder) => holder !== null);
}

/**
 * Following the ledger in order, without gap or repetition (architecture, "Followers"). Owns its consumer and its own watchdog: after 1 s without a
 * message or heartbeat, or when a publish was acknowledged but not read back for 300 ms, it opens anew at the next sequence. The client's recovery
 * is not involved. Where the handler's work is kept (a cursor) is the caller's.
 */
import { randomBytes } from 'node:crypto';
import type { Msg } from '@nats-io/nats-core';
import { api, LEDGER, pause, streamInfo } from './api.ts';
import type { Clock } from './clock.ts';
import { type Bus, inboxPrefix } from './connect.ts';
import { deliveryOf, type Entry, entryOf } from './entry.ts';
import { errorFields } from './log.ts';
import { createOrderedQueue } from './ordered-queue.ts';

export type { Entry } from './entry.ts';

export interface FollowOptions {
  /** For consumer names and logs. */
  name: string;
  filters: string[];
  start_seq: number;
  headers_only?: boolean;
  /**
   * Synchronous, or awaited before the next. When it throws, the same message comes again (50 ms to 5 s later), for ever: it is never passed.
   */
  on_message: (entry: Entry) => void | Promise<void>;
  /** A heartbeat was reached: everything up to `position` has been handled. Every 500 ms while idle. */
  on_beat?: (position: number) => void;
  /** The consumer was opened anew; `cause` says why. Not called for the first opening. */
  on_reopen?: (cause: string) => void;
  /** Moved forward by each opening. */
  clock?: Clock;
}

export interface Follower {
  /** Resolves when the first consumer stands. */
  opened: Promise<void>;
  /** Every matching message up to this sequence was handled. */
  position(): number;
  /** Milliseconds (monotonic) since the last message or heartbeat arrived; Infinity before the first. */
  last_heard_ms(): number;
  /**
   * Since when (monotonic) no two messages or heartbeats came further apart than 2 s, whatever held them up, this process included; Infinity during such a gap.
   * What was settled before then may have been overtaken by what is not read yet.
   */
  steady_since(): number;
  /** A publish that this follower must see was acknowledged at `seq`: reopened unless it arrives within 300 ms. */
  expect(seq: number): void;
  /** Resolves when the handler has finished what it was doing. */
  stop(): Promise<void>;
}

const HEARTBEAT_MS = 500;
const SILENCE_MS = 1_000;
const GAP_MS = 2_000;
const READ_BACK_MS = 300;
const TICK_MS = 100;
const BUSY_MS = 50;
const INACTIVE_MS = 5_000;
const nanos = (ms: number): number => ms * 1_000_000;

export function follow(bus: Bus, options: FollowOptions): Follower {
  const log = { follower: options.name };
  const queue = createOrderedQueue(options.on_message, (error, entry) =>
    bus.log.error({ ...log, seq: entry.seq, ...errorFields(error) }, 'a message could not be handled'),
  );
  let generation = 0;
  let open = false;
  let stopped = false;
  let received = options.start_seq - 1;
  let position = received;
  let heardAt = Number.NEGATIVE_INFINITY;
  let arrivedAt = Number.NEGATIVE_INFINITY;
  let steadySince = Number.POSITIVE_INFINITY;
  let expected: { seq: number; at: number } | null = null;
  let unsubscribe: () => void = () => undefined;

  const handled = (seq: number): void => {
    if (seq > position) position = seq;
  };

  function subscribe(mine: number): string {
    const inbox = `${inboxPrefix(bus.user)}.follow.${randomBytes(12).toString('base64url')}`;
    let delivered = 0;
    const subscription = bus.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (mine !== generation || stopped) return;
        if (error) return reopen(error.message);
        heardAt = performance.now();
        if (heardAt - arrivedAt > GAP_MS) steadySince = heardAt;
        arrivedAt = heardAt;
        const delivery = deliveryOf(message);
        if (!delivery) return control(message, delivered);
        // A hole in the consumer's own numbering: something was lost on the way, whatever comes now is out of order.
        if (delivery.consumer_seq !== delivered + 1) return reopen('gap');
        delivered++;
        if (delivery.seq <= received) return;
        received = delivery.seq;
        if (expected && received >= expected.seq) expected = null;
        queue.push(entryOf(message, delivery, options.headers_only === true, bus.log), handled);
      },
    });
    unsubscribe = () => subscription.unsubscribe();
    return inbox;
  }

  /** Heartbeats and flow control: both take their place behind the messages before them, so that a slow handler slows the server. */
  function control(message: Msg, delivered: number): void {
    const mine = generation;
    if (message.reply) {
      queue.run(() => {
        if (mine === generation && !bus.nc.isClosed()) message.respond();
      });
      return;
    }
    const lastConsumer = Number(message.headers?.get('Nats-Last-Consumer'));
    if (lastConsumer > delivered) return reopen('gap');
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    const upTo = lastConsumer === delivered ? Number(message.headers?.get('Nats-Last-Stream')) || 0 : 0;
    if (expected && upTo >= expected.seq) expected = null;
    queue.run(() => {
      handled(upTo);
      if (stalled && mine === generation && !bus.nc.isClosed()) bus.nc.publish(stalled);
      beat();
    });
  }

  function beat(): void {
    try {
      options.on_beat?.(position);
    } catch (error) {
      bus.log.error({ ...log, ...errorFields(error) }, 'on_beat failed');
    }
  }

  async function create(inbox: string): Promise<void> {
    const info = await streamInfo(bus);
    options.clock?.observe(Date.parse(info.ts));
    // A ledger shorter than what was already read is another ledger: going on would mix two histories.
    if (info.state.last_seq < received)
      throw new Error(`the ledger ends at ${info.state.last_seq}, before ${received} which was read already`);
    const name = `${bus.user}_${options.name}_${randomBytes(12).toString('base64url')}`;
    const single = options.filters.length === 1 ? options.filters[0] : undefined;
    const config = {
      name,
      deliver_subject: inbox,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: received + 1,
      ack_policy: 'none',
      max_deliver: 1,
      ...(single === undefined ? { filter_subjects: options.filters } : { filter_subject: single }),
      headers_only: options.headers_only === true,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    };
    await api(bus, `CONSUMER.CREATE.${LEDGER}.${name}${single === undefined ? '' : `.${single}`}`, {
      stream_name: LEDGER,
      action: 'create',
      config,
    });
  }

  async function openConsumer(cause: string | null): Promise<void> {
    for (let wait = BUSY_MS; !stopped; wait = Math.min(wait * 2, SILENCE_MS)) {
      const mine = ++generation;
      unsubscribe();
      try {
        await create(subscribe(mine));
        if (stopped) break;
        heardAt = Math.max(heardAt, performance.now());
        expected = null;
        open = true;
        if (cause !== null) options.on_reopen?.(cause);
        return;
      } catch (error) {
        bus.log.warn({ ...log, ...errorFields(error) }, 'the ledger cannot be followed');
        await pause(wait);
      }
    }
    unsubscribe();
  }

  function reopen(cause: string): void {
    if (!open || stopped) return;
    open = false;
    bus.log.warn({ ...log, cause, position }, 'follower opens anew');
    void openConsumer(cause);
  }

  let lastTick = performance.now();
  const watchdog = setInterval(() => {
    const now = performance.now();
    const late = now - lastTick - TICK_MS;
    lastTick = now;
    if (!open) return;
    if (late > BUSY_MS) {
      // This process was busy: what it has not read yet may wait in the socket, so its own delay does not count as silence.
      heardAt = Math.min(now, heardAt + late);
      if (expected) expected.at += late;
    }
    if (now - heardAt > SILENCE_MS) reopen('silence');
    else if (expected && now - expected.at > READ_BACK_MS) reopen('not read back');
  }, TICK_MS);

  return {
    opened: openConsumer(null),
    position: () => position,
    last_heard_ms: () => performance.now() - heardAt,
    steady_since: () => (performance.now() - arrivedAt > GAP_MS ? Number.POSITIVE_INFINITY : steadySince),
    expect: (seq) => {
      if (seq > received && !expected) expected = { seq, at: performance.now() };
    },
    stop: async () => {
      stopped = true;
      clearInterval(watchdog);
      unsubscribe();
      await queue.stop();
    },
  };
}

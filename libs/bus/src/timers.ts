/**
 * Deadlines as message schedules of the server (architecture, "Time"). Arming again moves a timer; a due one is delivered at least once, to one process of
 * the service, until its handler has succeeded. Timers are armed by the owner's follower of its own facts; who handles `due` looks at the facts first.
 */
import { randomBytes } from 'node:crypto';
import { headers, type Msg } from '@nats-io/nats-core';
import { TIMERS } from './admin.ts';
import { API_TIMEOUT_MS, api, pause } from './api.ts';
import { type Bus, inboxPrefix } from './connect.ts';
import { LedgerUnavailable } from './errors.ts';
import { errorFields } from './log.ts';

/** What may fall due, by the service that arms and handles it. */
export const TIMER_KINDS = {
  passports: ['operator', 'member', 'key', 'agent', 'mission', 'passport', 'session', 'grant', 'challenge', 'checkpoint', 'review'],
} as const;
export type TimerKind = (typeof TIMER_KINDS)[keyof typeof TIMER_KINDS][number];

export interface Timers {
  /** `atMs`: Unix ms of the ledger's clock; in the past = at once. Throws LedgerUnavailable when it cannot be armed. */
  arm(kind: TimerKind, id: string, atMs: number, payload?: unknown): Promise<void>;
  /** The handler may be called twice or late; when it throws, it is called again a second later. */
  onDue(kind: TimerKind, handler: (id: string, payload: unknown) => Promise<void>): { stop(): Promise<void> };
}

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const BATCH = 32;
const PULL_MS = 5_000;
const ACK_WAIT_MS = 30_000;
const AGAIN_MS = 1_000;
const ARM_TRIES = 3;
const nanos = (ms: number): number => ms * 1_000_000;

export function createTimers(bus: Bus): Timers {
  return {
    arm: async (kind, id, atMs, payload) => {
      if (!ID.test(id)) throw new RangeError('not a timer id');
      const fields = headers();
      fields.set('Nats-Schedule', `@at ${new Date(atMs).toISOString()}`);
      fields.set('Nats-Schedule-Target', `due.${kind}.${id}`);
      // Repeating is harmless: a subject holds one schedule.
      for (let tries = 1; ; tries++) {
        try {
          const answer = await bus.nc.request(`timers.${kind}.${id}`, JSON.stringify(payload ?? null), {
            headers: fields,
            timeout: API_TIMEOUT_MS,
          });
          const ack = answer.json<{ seq?: number; error?: { description: string } }>();
          if (ack.seq) return;
          throw new Error(ack.error?.description ?? 'not stored');
        } catch (error) {
          if (tries >= ARM_TRIES) throw new LedgerUnavailable('a timer could not be armed', { cause: error });
        }
        await pause(100);
      }
    },
    onDue: (kind, handler) => listen(bus, kind, handler),
  };
}

function listen(bus: Bus, kind: TimerKind, handler: (id: string, payload: unknown) => Promise<void>): { stop(): Promise<void> } {
  const ending = Promise.withResolvers<void>();
  const signal = { stopped: false, ending: ending.promise };
  const done = (async () => {
    while (!signal.stopped) {
      try {
        await createConsumer(bus, kind);
        await pullUntilStopped(bus, kind, signal, (message) => handle(bus, message, handler));
      } catch (error) {
        bus.log.warn({ kind, ...errorFields(error) }, 'timers cannot be read');
        await Promise.race([pause(AGAIN_MS), ending.promise]);
      }
    }
  })();
  return {
    stop: async () => {
      signal.stopped = true;
      ending.resolve();
      await done;
    },
  };
}

/** Shared by the service's processes, so the name is fixed; making it again changes nothing. */
async function createConsumer(bus: Bus, kind: TimerKind): Promise<void> {
  const name = `due_${kind}`;
  const filter = `due.${kind}.*`;
  const config = {
    name,
    durable_name: name,
    filter_subject: filter,
    ack_policy: 'explicit',
    deliver_policy: 'all',
    ack_wait: nanos(ACK_WAIT_MS),
    max_deliver: -1,
  };
  await api(bus, `CONSUMER.CREATE.${TIMERS}.${name}.${filter}`, { stream_name: TIMERS, config });
}

/**
 * Asks for a handful at a time and handles each as it comes; a request that brings fewer ends by itself. One subscription for all requests: what is
 * delivered to a closed one is lost until the server delivers it again, half a minute later. Throws when a request does not end: the consumer may be gone.
 */
async function pullUntilStopped(
  bus: Bus,
  kind: TimerKind,
  signal: { stopped: boolean; ending: Promise<void> },
  work: (message: Msg) => Promise<void>,
): Promise<void> {
  const inbox = `${inboxPrefix(bus.user)}.due.${randomBytes(12).toString('base64url')}`;
  let request = Promise.withResolvers<void>();
  let left = 0;
  let working: Promise<void>[] = [];
  const subscription = bus.nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return request.reject(error);
      const code = message.headers?.code ?? 0;
      if (code === 0) working.push(work(message));
      if (code === 0 && --left > 0) return;
      if (code === 0 || code === 404 || code === 408) request.resolve();
      else request.reject(new Error(`status ${code}`));
    },
  });
  try {
    while (!signal.stopped) {
      request = Promise.withResolvers<void>();
      left = BATCH;
      const silence = setTimeout(() => request.reject(new Error('silence')), PULL_MS + API_TIMEOUT_MS);
      bus.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${TIMERS}.due_${kind}`, JSON.stringify({ batch: BATCH, expires: nanos(PULL_MS) }), {
        reply: inbox,
      });
      try {
        await Promise.race([request.promise, signal.ending]);
      } finally {
        clearTimeout(silence);
      }
      const handling = working;
      working = [];
      await Promise.all(handling);
    }
  } finally {
    subscription.unsubscribe();
    await Promise.all(working);
  }
}

async function handle(bus: Bus, message: Msg, handler: (id: string, payload: unknown) => Promise<void>): Promise<void> {
  const id = message.subject.split('.')[2] ?? '';
  try {
    const text = message.string();
    await handler(id, text ? JSON.parse(text) : null);
    message.respond('+ACK');
  } catch (error) {
    bus.log.error({ subject: message.subject, ...errorFields(error) }, 'a deadline could not be handled');
    message.respond(`-NAK ${JSON.stringify({ delay: nanos(AGAIN_MS) })}`);
  }
}

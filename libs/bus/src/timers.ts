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
  passports: ['operator', 'member', 'key', 'agent', 'mission', 'passport', 'session', 'grant', 'challenge', 'checkpoint'],
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
  let stopped = false;
  const ending = Promise.withResolvers<void>();
  const done = (async () => {
    while (!stopped) {
      try {
        await createConsumer(bus, kind);
        while (!stopped) {
          const due = await pull(bus, kind, ending.promise);
          await Promise.all(due.map((message) => handle(bus, message, handler)));
        }
      } catch (error) {
        bus.log.warn({ kind, ...errorFields(error) }, 'timers cannot be read');
        await Promise.race([pause(AGAIN_MS), ending.promise]);
      }
    }
  })();
  return {
    stop: async () => {
      stopped = true;
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

/** What is due now, or nothing after 5 s. Throws when the server says neither: the consumer may be gone. */
async function pull(bus: Bus, kind: TimerKind, ending: Promise<void>): Promise<Msg[]> {
  const inbox = `${inboxPrefix(bus.user)}.due.${randomBytes(12).toString('base64url')}`;
  const due: Msg[] = [];
  const answered = Promise.withResolvers<void>();
  const subscription = bus.nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return answered.reject(error);
      const code = message.headers?.code ?? 0;
      if (code === 0) due.push(message);
      else if (code !== 404 && code !== 408 && code !== 100) return answered.reject(new Error(`status ${code}`));
      if (code !== 100) answered.resolve();
    },
  });
  const timer = setTimeout(() => answered.reject(new Error('silence')), PULL_MS + API_TIMEOUT_MS);
  try {
    bus.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${TIMERS}.due_${kind}`, JSON.stringify({ batch: BATCH, expires: nanos(PULL_MS) }), {
      reply: inbox,
    });
    await Promise.race([answered.promise, ending]);
    // The rest of a full hand comes in the same turn or soon after; what comes later than the unsubscribing is delivered again.
    if (due.length > 0) await bus.nc.flush();
    return due;
  } finally {
    clearTimeout(timer);
    subscription.unsubscribe();
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

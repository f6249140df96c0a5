/**
 * Where answers go: `late.<owner>.<asker's user>.<asker's process>.<question>`. The name is the owner's right to publish there, so nobody has a right to answer on
 * whatever subject a question names: such a right would let a service that asks itself publish anywhere, even delete the log. What is under way on a connection
 * that breaks is lost: so an owner answers again, over whatever connection there is, until the asker says on `heard.<owner>.<owner's process>.<answer>` that it
 * heard, or its time is over. The asker takes the first answer of the owner that it asked and no other.
 *
 * The names are random, and an owner may publish under its own name only. An asker that is gone costs six messages.
 */
import { randomBytes } from 'node:crypto';
import type { Msg, MsgHdrs } from '@nats-io/nats-core';
import { pause } from './api.ts';
import type { Bus } from './connect.ts';

const HEARD = 'heard.';

/** What the user of an asker may hear, and what an owner may say. */
export function lateSubject(owner: string, address: string): string {
  return `late.${owner}.${address}`;
}

/** May the owner answer there? The asker chose the subject; everything else that the owner may write to is not for its choice. */
export function isAnswerSubject(owner: string, subject: string | undefined): subject is string {
  return subject?.startsWith(`late.${owner}.`) === true;
}

/** What an owner may hear, and what its askers may say. */
export function heardSubject(owner: string, address: string): string {
  return `${HEARD}${owner}.${address}`;
}

const lastToken = (subject: string): string => subject.slice(subject.lastIndexOf('.') + 1);

/** Says that an answer is here; one that nobody repeats is not told. */
function hear(bus: Bus, answer: Msg): void {
  if (answer.reply?.startsWith(HEARD) && !bus.nc.isClosed()) bus.nc.publish(answer.reply);
}

interface Askers {
  /** Of this owner alone: another that saw an earlier address of this process could guess this one. */
  expect(owner: string, answered: (answer: Msg) => void): { subject: string; forget(): void };
}

const askers = new WeakMap<Bus, Askers>();

/** One subscription per process, however many questions. */
export function askersOf(bus: Bus): Askers {
  const known = askers.get(bus);
  if (known) return known;
  const waiting = new Map<string, (answer: Msg) => void>();
  const process = `${bus.user}.${randomBytes(12).toString('base64url')}`;
  let asked = 0;
  bus.nc.subscribe(lateSubject('*', `${process}.*`), {
    callback: (error, message) => {
      if (error) return;
      // Also for an answer that was heard before: what said so may be lost itself.
      hear(bus, message);
      waiting.get(message.subject)?.(message);
    },
  });
  const made: Askers = {
    expect: (owner, answered) => {
      const subject = lateSubject(owner, `${process}.${++asked}`);
      waiting.set(subject, answered);
      return { subject, forget: () => waiting.delete(subject) };
    },
  };
  askers.set(bus, made);
  return made;
}

/** The first answer; null when none comes in time. Where nobody listens the server answers, with status 503. Throws when the connection is closed. */
export async function question(
  bus: Bus,
  owner: string,
  subject: string,
  payload: string,
  options: { timeout_ms: number; headers?: MsgHdrs },
): Promise<Msg | null> {
  const { promise, resolve } = Promise.withResolvers<Msg | null>();
  const expected = askersOf(bus).expect(owner, resolve);
  const timer = setTimeout(resolve, options.timeout_ms, null);
  try {
    bus.nc.publish(subject, payload, { reply: expected.subject, ...(options.headers && { headers: options.headers }) });
    return await promise;
  } finally {
    clearTimeout(timer);
    expected.forget();
  }
}

export interface Answers {
  /** Differs after each loss of the connection. */
  connection(): number;
  /** Answers a question that came on connection `cameOn`, and again while nobody says that it was heard. Gives up, silently, at the deadline. `to`: `isAnswerSubject`. */
  give(to: string, cameOn: number, data: Uint8Array, fields: MsgHdrs | undefined, deadlineMs: number): void;
  stop(): void;
}

const LOOK_MS = 25;
/** Questions with less time than this are asked again by whoever asked. */
const AGAIN_MS = 500;
const TIMES = 6;

export function createAnswers(bus: Bus, owner: string): Answers {
  const process = randomBytes(12).toString('base64url');
  const unheard = new Set<string>();
  let given = 0;
  let lost = 0;
  let connected = true;
  const status = bus.nc.status()[Symbol.asyncIterator]();
  void (async () => {
    for (let next = await status.next(); !next.done; next = await status.next()) {
      if (next.value.type === 'disconnect') {
        lost++;
        connected = false;
      } else if (next.value.type === 'reconnect') connected = true;
    }
  })();
  const hearing = bus.nc.subscribe(heardSubject(owner, `${process}.*`), {
    callback: (error, message) => {
      // The server's own word that nobody listens comes here too: the asker is between two connections.
      if (!error && (message.headers?.code ?? 0) === 0) unheard.delete(lastToken(message.subject));
    },
  });

  return {
    connection: () => lost,
    give: (to, cameOn, data, fields, deadlineMs) => {
      const end = performance.now() + deadlineMs;
      const atOnce = cameOn === lost;
      const repeats = !atOnce || deadlineMs > AGAIN_MS;
      const id = String(++given);
      const options = { ...(fields && { headers: fields }), ...(repeats && { reply: heardSubject(owner, `${process}.${id}`) }) };
      if (atOnce) bus.nc.publish(to, data, options);
      if (!repeats) return;
      unheard.add(id);
      void (async () => {
        if (atOnce) await pause(AGAIN_MS);
        for (let times = 0; times < TIMES && unheard.has(id); times++) {
          while (!connected && performance.now() < end) await pause(LOOK_MS);
          if (!connected || bus.nc.isClosed() || performance.now() >= end) break;
          bus.nc.publish(to, data, options);
          await pause(AGAIN_MS);
        }
        unheard.delete(id);
      })();
    },
    stop: () => {
      hearing.unsubscribe();
      void status.return?.();
    },
  };
}

/**
 * Answers whose way back is gone: the right to answer goes with the connection on which the question came. An owner that lost it meanwhile answers on
 * `late.<owner>.<asker's user>.<asker's process>.<question>` once it is connected again, while the asker still waits. Guarantees no more than that: an answer
 * that was under way when the connection broke is lost. The names are random, and an owner may publish under its own name only.
 */
import { randomBytes } from 'node:crypto';
import { pause } from './api.ts';
import type { Bus } from './connect.ts';

export const LATE_HEADER = 'Sp-Late';
const ADDRESS = /^[a-z]{1,32}\.[A-Za-z0-9_-]{16}\.\d{1,15}$/;

/** What the user of an asker may hear, and what an owner may say. */
export function lateSubject(owner: string, address: string): string {
  return `late.${owner}.${address}`;
}

interface Askers {
  expect(answered: (data: Uint8Array) => void): { address: string; forget(): void };
}

const askers = new WeakMap<Bus, Askers>();

/** One subscription per process, however many questions. */
export function askersOf(bus: Bus): Askers {
  const known = askers.get(bus);
  if (known) return known;
  const waiting = new Map<string, (data: Uint8Array) => void>();
  const process = `${bus.user}.${randomBytes(12).toString('base64url')}`;
  let asked = 0;
  bus.nc.subscribe(lateSubject('*', `${process}.*`), {
    callback: (error, message) => {
      if (error) return;
      const id = message.subject.slice(message.subject.lastIndexOf('.') + 1);
      waiting.get(id)?.(message.data);
    },
  });
  const made: Askers = {
    expect: (answered) => {
      const id = String(++asked);
      waiting.set(id, answered);
      return { address: `${process}.${id}`, forget: () => waiting.delete(id) };
    },
  };
  askers.set(bus, made);
  return made;
}

export interface Connection {
  /** Differs after each loss of the connection. */
  number(): number;
  /**
   * Publishes as soon as there is a connection, and a few times more: the asker may have lost its own. Gives up, silently, at the deadline. `address`: what
   * came with the question.
   */
  late(owner: string, address: string, data: Uint8Array, deadlineMs: number): Promise<void>;
  stop(): void;
}

const LOOK_MS = 25;
const AGAIN_MS = 500;
const TIMES = 6;

export function watchConnection(bus: Bus): Connection {
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
  return {
    number: () => lost,
    late: async (owner, address, data, deadlineMs) => {
      if (!ADDRESS.test(address)) return;
      const end = performance.now() + deadlineMs;
      for (let times = 0; times < TIMES; times++) {
        while (!connected && performance.now() < end) await pause(LOOK_MS);
        if (!connected || bus.nc.isClosed() || performance.now() >= end) return;
        bus.nc.publish(lateSubject(owner, address), data);
        await pause(AGAIN_MS);
      }
    },
    stop: () => void status.return?.(),
  };
}

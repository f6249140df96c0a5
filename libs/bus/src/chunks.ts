/**
 * Long answers, in numbered chunks with credit and a closing digest (architecture, "The bus"). The receiver opens an inbox and grants credit
 * to the sender's subject, which the answer named; each grant carries the inbox as its reply, so the sender may write there and nowhere else.
 * Loses nothing silently: a gap, a wrong digest or silence ends the stream with ServiceUnavailable.
 */
import { createHash, randomBytes } from 'node:crypto';
import { headers, type Msg } from '@nats-io/nats-core';
import type { Bus } from './connect.ts';
import { ServiceUnavailable } from './errors.ts';
import { askersOf, isAnswerSubject } from './late.ts';
import { errorFields } from './log.ts';

export const CHUNK_BYTES = 256 * 1_024;
const WINDOW = 8;
const IDLE_MS = 15_000;

const CHUNK = 'Sp-Chunk';
const END = 'Sp-End';
const DIGEST = 'Sp-Digest';

/** Serves `source` to whoever sends credit to the returned subject. Gives up, and closes the source, after 15 s without credit. */
export function sendChunks(bus: Bus, service: string, source: AsyncIterable<Uint8Array>): string {
  const subject = `credit.${service}.${randomBytes(16).toString('base64url')}`;
  let credit = 0;
  let inbox: string | null = null;
  let stopped = false;
  let wake: () => void = () => undefined;
  const subscription = bus.nc.subscribe(subject, {
    callback: (error, message) => {
      if (error || message.data.length === 0) stopped = true;
      else credit += Number(message.string()) || 0;
      if (!error && isAnswerSubject(service, message.reply)) inbox = message.reply;
      wake();
    },
  });
  const ready = async (): Promise<string | null> => {
    while (!stopped && (credit <= 0 || !inbox)) {
      const woken = await within(IDLE_MS, (resolve) => {
        wake = resolve;
      });
      if (!woken) return null;
    }
    return stopped ? null : inbox;
  };
  void (async () => {
    const digest = createHash('sha256');
    let sent = 0;
    try {
      for await (const bytes of recut(source)) {
        const to = await ready();
        if (!to) return;
        credit--;
        const fields = headers();
        fields.set(CHUNK, String(++sent));
        digest.update(bytes);
        bus.nc.publish(to, bytes, { headers: fields });
      }
      const to = await ready();
      if (!to) return;
      const fields = headers();
      fields.set(END, String(sent));
      fields.set(DIGEST, digest.digest('hex'));
      bus.nc.publish(to, '', { headers: fields });
    } catch (error) {
      // The receiver sees an end without digest and fails.
      bus.log.error(errorFields(error), 'a streamed answer broke off');
      if (inbox && !bus.nc.isClosed()) {
        const fields = headers();
        fields.set(END, String(sent));
        bus.nc.publish(inbox, '', { headers: fields });
      }
    } finally {
      subscription.unsubscribe();
    }
  })();
  return subject;
}

/** The bytes that the sender on `creditSubject` serves. Asks for the first chunks only when it is iterated. */
export async function* receiveChunks(
  bus: Bus,
  owner: string,
  creditSubject: string,
  operation: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const arrived: Msg[] = [];
  let wake: () => void = () => undefined;
  const expected = askersOf(bus).expect(owner, (message) => {
    arrived.push(message);
    wake();
  });
  const inbox = expected.subject;
  const broken = (why: string): ServiceUnavailable => new ServiceUnavailable(operation, 'broken_stream', { cause: new Error(why) });
  const digest = createHash('sha256');
  let received = 0;
  let ended = false;
  try {
    bus.nc.publish(creditSubject, String(WINDOW), { reply: inbox });
    for (;;) {
      const message = arrived.shift();
      if (!message) {
        const woken = await within(IDLE_MS, (resolve) => {
          wake = resolve;
        });
        if (!woken) throw broken('silence');
        continue;
      }
      if (message.headers?.code === 503) throw broken('the sender is gone');
      const end = message.headers?.get(END);
      if (end) {
        ended = true;
        if (Number(end) !== received || message.headers?.get(DIGEST) !== digest.digest('hex')) throw broken('incomplete');
        return;
      }
      if (Number(message.headers?.get(CHUNK)) !== ++received) throw broken('a chunk is missing');
      digest.update(message.data);
      yield message.data;
      bus.nc.publish(creditSubject, '1', { reply: inbox });
    }
  } finally {
    expected.forget();
    if (!ended && !bus.nc.isClosed()) bus.nc.publish(creditSubject, '');
  }
}

/** False when `ms` pass before `start`'s callback is called. */
function within(ms: number, start: (resolve: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    start(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

async function* recut(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const bytes of source) for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

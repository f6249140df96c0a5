/**
 * Operations over the bus: request and reply, answered by the owner. Deadlines travel as what is left of them (clocks differ); a handler's defect is
 * INTERNAL_ERROR and a log line without bodies; nobody listening is an error of its own. Does not authenticate: the owner's handlers do.
 */
import { headers, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import type { BusAnswer, BusCall, Reply } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { receiveChunks, sendChunks } from './chunks.ts';
import type { Bus } from './connect.ts';
import { LedgerUnavailable, ServiceUnavailable } from './errors.ts';
import { type Answers, createAnswers, isAnswerSubject, question } from './late.ts';
import { errorFields, type Log } from './log.ts';
import { operationSubject } from './subjects.ts';

/** Answers over this many bytes go in chunks. */
export const WHOLE_ANSWER_BYTES = 512 * 1_024;
/** A chunked answer that is not a stream ends up in memory; this is the most that a caller takes. */
const MAX_ANSWER_BYTES = 64 * 1_024 * 1_024;
const DEFAULT_TIMEOUT_MS = 5_000;

/** The server's own status. */
const NOBODY_LISTENS = 503;

const TIMEOUT = 'Sp-Timeout-Ms';
const CREDIT = 'Sp-Credit';
const CHUNKED = 'Sp-Chunked';

/** `remaining_ms`: what is left of the caller's deadline, for questions of one's own. */
export type Handler = (call: BusCall, context: { remaining_ms(): number }) => Promise<BusAnswer>;

type WireAnswer = { ok: true; reply: Reply } | Extract<BusAnswer, { ok: false }>;

export interface Serving {
  stop(): Promise<void>;
}

export interface ServeOptions {
  log: Log;
  /** Is this error an outage of what the service reads from, rather than a defect? Becomes 503 READ_MODEL_BEHIND. */
  isOutage?: (error: unknown) => boolean;
}

/** Serves each operation on `op.<service>.<name>`, the load shared among the service's processes. Never throws for what a call brings. */
export function serve(bus: Bus, service: string, handlers: Record<string, Handler>, { log, isOutage }: ServeOptions): Serving {
  const answers = createAnswers(bus, service);
  const subscriptions = Object.entries(handlers).map(([operation, handler]) =>
    bus.nc.subscribe(operationSubject(service, operation), {
      queue: service,
      callback: (error, message) => {
        if (error) log.error({ operation, ...errorFields(error) }, 'operation is not served');
        else void answer({ bus, service, answers, log, isOutage }, operation, handler, message);
      },
    }),
  );
  return {
    stop: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.drain()));
      answers.stop();
    },
  };
}

interface Serves {
  bus: Bus;
  service: string;
  answers: Answers;
  log: Log;
  isOutage: ServeOptions['isOutage'];
}

async function answer(serves: Serves, operation: string, handler: Handler, message: Msg): Promise<void> {
  const { log, answers, service } = serves;
  const { reply: to } = message;
  if (!isAnswerSubject(service, to)) return log.error({ operation }, 'a question names no place for its answer: it is not looked at');
  const end = performance.now() + (Number(message.headers?.get(TIMEOUT)) || DEFAULT_TIMEOUT_MS);
  const asked = { to, connection: answers.connection(), remaining_ms: () => Math.max(0, Math.floor(end - performance.now())) };
  let requestId: string | undefined;
  try {
    const call = parseCall(message.data);
    requestId = call?.request_id;
    const given = call
      ? await handler(call, { remaining_ms: asked.remaining_ms })
      : ({ ok: false, denial: denial('INVALID_REQUEST', 'The call is malformed.') } as const);
    respond(serves, asked, given);
  } catch (error) {
    log.error({ operation, ...(requestId && { request_id: requestId }), ...errorFields(error) }, 'operation failed');
    tryRespond(serves, asked, failureOf(error, serves.isOutage));
  }
}

interface Asked {
  /** The subject of the answer. */
  to: string;
  /** The connection on which it came. */
  connection: number;
  remaining_ms(): number;
}

/** The only place where an exception becomes an answer. */
function failureOf(error: unknown, isOutage: ServeOptions['isOutage']): BusAnswer {
  if (error instanceof LedgerUnavailable)
    return { ok: false, denial: { ...denial('AUDIT_UNAVAILABLE', 'The event log cannot be reached.'), retry_after: 1 } };
  if (error instanceof ServiceUnavailable)
    return { ok: false, denial: { ...denial('OVERLOADED', 'A part of the platform did not answer.'), retry_after: 1 } };
  if (isOutage?.(error) === true)
    return { ok: false, denial: { ...denial('READ_MODEL_BEHIND', 'What this is read from cannot be reached.'), retry_after: 1 } };
  return { ok: false, denial: denial('INTERNAL_ERROR', 'Something went wrong.') };
}

function tryRespond(serves: Serves, asked: Asked, given: BusAnswer): void {
  try {
    respond(serves, asked, given);
  } catch (error) {
    serves.log.error(errorFields(error), 'an answer could not be sent');
  }
}

function respond({ bus, service, answers }: Serves, { to, connection, remaining_ms }: Asked, given: BusAnswer): void {
  const wire: WireAnswer = given.ok ? { ok: true, reply: given.reply } : given;
  const bytes = new TextEncoder().encode(JSON.stringify(wire));
  const give = (data: Uint8Array, fields?: MsgHdrs): void => answers.give(to, connection, data, fields, remaining_ms());
  if (given.ok && given.stream) {
    const fields = headers();
    fields.set(CREDIT, sendChunks(bus, service, given.stream));
    give(bytes, fields);
  } else if (bytes.length > WHOLE_ANSWER_BYTES) {
    const fields = headers();
    fields.set(CREDIT, sendChunks(bus, service, once(bytes)));
    fields.set(CHUNKED, 'answer');
    give(new Uint8Array(), fields);
  } else {
    give(bytes);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function parseCall(data: Uint8Array): BusCall | null {
  try {
    // The shape was made by `ask`; what an outside caller sent lies in its fields, and the handler validates those.
    const call = JSON.parse(new TextDecoder().decode(data)) as BusCall | null;
    return call !== null && typeof call === 'object' && typeof call.operation === 'string' ? call : null;
  } catch {
    return null;
  }
}

/**
 * Asks the owner. Refusals are values; ServiceUnavailable is thrown when nobody serves the operation, when no answer comes within the timeout
 * (the operation may have happened), and, while it is read, by a stream that breaks off. An answer's `stream` must be read or returned.
 */
export async function ask(
  bus: Bus,
  operation: { name: string; owner: string },
  call: BusCall,
  options: { timeout_ms?: number } = {},
): Promise<BusAnswer> {
  const timeout = options.timeout_ms ?? DEFAULT_TIMEOUT_MS;
  const fields = headers();
  fields.set(TIMEOUT, String(timeout));
  if (call.traceparent && /^[0-9a-f-]{1,64}$/.test(call.traceparent)) fields.set('traceparent', call.traceparent);
  const message = await question(bus, operation.owner, operationSubject(operation.owner, operation.name), JSON.stringify(call), {
    timeout_ms: timeout,
    headers: fields,
  }).catch((error: unknown) => {
    throw new ServiceUnavailable(operation.name, 'timeout', { cause: error });
  });
  if (!message) throw new ServiceUnavailable(operation.name, 'timeout');
  if (message.headers?.code === NOBODY_LISTENS) throw new ServiceUnavailable(operation.name, 'no_responders');
  const credit = message.headers?.get(CREDIT);
  if (!credit) return parseAnswer(message.data);
  const chunks = receiveChunks(bus, operation.owner, credit, operation.name);
  if (message.headers?.get(CHUNKED) === 'answer') return parseAnswer(await gather(chunks, operation.name));
  const head = parseAnswer(message.data);
  return head.ok ? { ...head, stream: chunks } : head;
}

async function gather(chunks: AsyncIterable<Uint8Array>, operation: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of chunks) {
    size += part.length;
    if (size > MAX_ANSWER_BYTES) throw new ServiceUnavailable(operation, 'broken_stream', { cause: new Error('the answer is too long') });
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Made by `respond`, on a connection whose users only answer for operations that they serve. */
function parseAnswer(data: Uint8Array): WireAnswer {
  return JSON.parse(new TextDecoder().decode(data)) as WireAnswer;
}

/** An owner's answer as an HTTP response. Only headers of the contract pass, `location` with a redirect alone; a streamed answer is piped as it comes. */
import { Readable } from 'node:stream';
import type { BusAnswer } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendDenial } from '../http/errors.ts';
import { CLEAR_SESSION_COOKIE, setSessionCookie } from '../http/session-cookie.ts';

const PASSED: ReadonlySet<string> = new Set([
  'x-next-cursor',
  'link',
  'idempotency-replayed',
  'content-type',
  'content-disposition',
  'retry-after',
]);

export function sendAnswer(request: FastifyRequest, reply: FastifyReply, operation: Operation, answer: BusAnswer): FastifyReply {
  if (!answer.ok) {
    if (answer.replayed) reply.header('idempotency-replayed', 'true');
    return sendDenial(request, reply, answer.denial);
  }
  const { status, body, event_seq, headers = {} } = answer.reply;
  for (const name of Object.keys(headers)) {
    const value = headers[name] ?? '';
    if (PASSED.has(name.toLowerCase()) && /^[\x20-\x7e]*$/.test(value)) reply.header(name.toLowerCase(), value);
  }
  if (event_seq !== undefined && event_seq > 0) reply.header('x-event-seq', event_seq);
  const location = headers['Location'];
  if (status === 302 && location !== undefined && /^[\x21-\x7e]*$/.test(location)) reply.header('location', location);
  sessionCookie(reply, operation, body);
  const cache = operation.http?.cache;
  if (cache !== undefined) reply.header('cache-control', cache);
  reply.code(status);
  if (answer.stream) {
    if (!reply.hasHeader('content-type')) reply.type('application/octet-stream');
    return reply.send(Readable.from(answer.stream, { objectMode: false }));
  }
  if (status === 204 || status === 302) return reply.send();
  if (typeof body === 'string' && reply.hasHeader('content-type')) return reply.send(body);
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body ?? null));
}

/** The token was opened here, of all places between its owner and the browser. */
function sessionCookie(reply: FastifyReply, { http }: Operation, body: unknown): void {
  if (http?.session_cookie === 'clear') reply.header('set-cookie', CLEAR_SESSION_COOKIE);
  if (http?.session_cookie !== 'set' || typeof body !== 'object' || body === null || !('session_token' in body)) return;
  if (typeof body.session_token === 'string') reply.header('set-cookie', setSessionCookie(body.session_token));
}

/** What every request has, whatever its route: an id, a span, an address, the time of its arrival (api.md §1.4). */
import { randomFillSync } from 'node:crypto';
import { makeId } from '@sallyport/contracts/ids.ts';
import { formatTraceparent, serverSpan, traceresponse } from '@sallyport/service-kit/trace.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { peerOf, type Trusts } from './peer.ts';

export interface RequestInfo {
  request_id: string;
  traceparent: string;
  traceresponse: string;
  peer: string;
  /** `performance.now()`. */
  arrived_at: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    info: RequestInfo;
  }
}

/** Nothing that this port answers is a page; who opens it in a browser gets text. */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const RANDOM_BYTES = 34;
const pool = Buffer.allocUnsafe(RANDOM_BYTES * 256);
let used = pool.length;

/** From a pool: one call into the kernel for 256 requests. No byte is given out twice. */
function random(): Buffer {
  if (used + RANDOM_BYTES > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return pool.subarray(used - RANDOM_BYTES, used);
}

export function begin(request: FastifyRequest, reply: FastifyReply, trusts: Trusts): void {
  const bytes = random();
  const incoming = request.headers['traceparent'];
  const span = serverSpan(typeof incoming === 'string' ? incoming : undefined, bytes.subarray(10));
  const info = {
    request_id: makeId('request', Date.now(), bytes.subarray(0, 10)),
    traceparent: formatTraceparent(span),
    traceresponse: traceresponse(span),
    peer: peerOf(request.socket.remoteAddress ?? '', request.headers['x-forwarded-for'], trusts),
    arrived_at: performance.now(),
  };
  request.info = info;
  reply.header('x-request-id', info.request_id);
  reply.header('traceresponse', info.traceresponse);
  reply.headers(SECURITY_HEADERS);
}

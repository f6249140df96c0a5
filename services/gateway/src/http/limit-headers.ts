/**
 * `RateLimit-*` on every answer under `/v1` (api.md §1.4), also on those that no route gave: refusals before one was found, unknown paths, bodies that are no JSON.
 * These cost the caller a token like any other call; what has told its own limit is left alone.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerKey, limitHeaders } from '../edge/limit.ts';
import { classifyBearer } from './bearer.ts';
import type { Limits } from './rate-limits.ts';

export function tellLimit(limits: Limits, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.hasHeader('ratelimit-limit') || !isApi(request.url)) return;
  const caller = callerKey(classifyBearer(request.headers.authorization), request.info.peer);
  limitHeaders(reply, limits.take('control', caller, performance.now()));
}

function isApi(url: string): boolean {
  return url.startsWith('/v1/') || url === '/v1' || url.startsWith('/v1?');
}

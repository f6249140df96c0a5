/** Which buckets of api.md §1.6 a call of the edge takes a token from. */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { BusCall } from '@sallyport/contracts/call.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { agentJwtSubject } from '@sallyport/passport-verify/agent-jwt.ts';
import type { FastifyReply } from 'fastify';
import type { Bearing } from '../http/bearer.ts';
import { networkOf } from '../http/peer.ts';
import type { Bucket, Limits, Taken } from '../http/rate-limits.ts';

/** The caller's own name for buckets. A token is not verified here, so its subject counts per address: nobody can use up another's. */
export function callerKey(bearing: Bearing, peer: string): string {
  switch (bearing.kind) {
    case 'key':
    case 'ticket':
      return bearing.sha256;
    case 'jwt':
      return `${agentJwtSubject(bearing.token) ?? ''}@${networkOf(peer)}`;
    case 'none':
    case 'bad':
      return networkOf(peer);
  }
}

export function limitHeaders(reply: FastifyReply, { limit, remaining, reset }: Taken): void {
  reply.header('ratelimit-limit', limit);
  reply.header('ratelimit-remaining', remaining);
  reply.header('ratelimit-reset', reset);
}

/** Takes one token for any request, before it is looked at. */
export function limitRequest(limits: Limits, reply: FastifyReply, operation: Operation, bearing: Bearing, peer: string): Denial | null {
  const now = performance.now();
  // Whatever bearer comes along: who guesses may send any.
  if (operation.http?.limit !== undefined) return taken(reply, limits.take(operation.http.limit, networkOf(peer), now));
  const bucket: Bucket = operation.name === 'passports.verify' ? 'verify' : 'control';
  return taken(reply, limits.take(bucket, callerKey(bearing, peer), now));
}

/** Takes one token more for calls with a limit of their own. `caller`: of `callerKey`. */
export function limitOperation(limits: Limits, reply: FastifyReply, operation: Operation, call: BusCall, caller: string): Denial | null {
  const own = ownBucket(operation, call, caller);
  return own ? taken(reply, limits.take(own.bucket, own.who, performance.now())) : null;
}

function ownBucket(operation: Operation, call: BusCall, caller: string): { bucket: Bucket; who: string } | null {
  switch (operation.name) {
    case 'passports.issue':
      return { bucket: 'issue', who: `${caller} ${member(call.body, 'agent_id')}` };
    case 'agents.enrolment_challenge':
      return { bucket: 'enrolment', who: `${caller} ${call.params['id'] ?? ''}` };
    default:
      return null;
  }
}

/** Of the operator, which is known only once its owner has said who calls. */
export function limitExport(limits: Limits, reply: FastifyReply, operatorId: string): Denial | null {
  return taken(reply, limits.take('export', operatorId, performance.now()));
}

function taken(reply: FastifyReply, one: Taken): Denial | null {
  limitHeaders(reply, one);
  return one.ok ? null : { ...denial('RATE_LIMITED', 'Too many calls.'), retry_after: Math.max(1, one.reset) };
}

function member(body: unknown, name: string): string {
  if (typeof body !== 'object' || body === null) return '';
  const value: unknown = Object.entries(body).find(([key]) => key === name)?.[1];
  return typeof value === 'string' ? value.slice(0, 64) : '';
}

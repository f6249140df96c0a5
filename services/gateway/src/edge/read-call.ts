/** A request of the edge as the call that goes to its owner: bearer by form, parameters and body by the contract. Pure. */
import type { Bearer, BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial, type FieldProblem, invalid } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { check, coerceQuery } from '@sallyport/contracts/validate.ts';
import { type Bearing, classifyBearer } from '../http/bearer.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { crossSite, sessionOfCookie } from '../http/session-cookie.ts';
import { reduceToolCalls } from './tool-calls.ts';

export interface Incoming {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, unknown>>;
  body: unknown;
  info: RequestInfo;
}

export type Checked<T> = { ok: true; value: T } | { ok: false; denial: Denial };

/**
 * The bearer of an operation that somebody must be for; public operations have none, but for those that an agent may call in its own name. A session may
 * come as the cookie of our own pages, and then changes something only for them.
 */
export function readBearer(operation: Operation, method: string, headers: Incoming['headers'], publicUrl: string): Checked<Bearing> {
  const authorization = one(headers['authorization']);
  if (operation.who.includes('-')) {
    const foreign = operation.http?.session_cookie === 'set' ? otherOrigin(headers, publicUrl) : null;
    if (foreign) return { ok: false, denial: foreign };
    const named = operation.http?.bearer === 'optional' && /^bearer /i.test(authorization ?? '');
    return named ? judged(operation, classifyBearer(authorization)) : { ok: true, value: { kind: 'none' } };
  }
  const bearing = classifyBearer(authorization);
  const session = bearing.kind === 'none' ? sessionOfCookie(one(headers['cookie'])) : null;
  if (session === null) return judged(operation, bearing);
  const foreign = method === 'GET' ? null : crossSite(one(headers['origin']), publicUrl);
  if (foreign) return { ok: false, denial: foreign };
  const shown = classifyBearer(`Bearer ${session}`);
  return shown.kind === 'jwt' && shown.purpose === 'session' ? judged(operation, shown) : unauthorized('wrong_credential_kind');
}

function judged(operation: Operation, bearing: Bearing): Checked<Bearing> {
  if (bearing.kind === 'none') return unauthorized('missing');
  if (bearing.kind === 'bad') return unauthorized(bearing.reason);
  if (bearing.kind === 'ticket' && !operation.by_ticket) return unauthorized('wrong_credential_kind');
  return { ok: true, value: bearing };
}

/** Programs send no `Origin`; a browser that sends another one would be signed in to somebody else's account. */
function otherOrigin(headers: Incoming['headers'], publicUrl: string): Denial | null {
  const origin = one(headers['origin']);
  return origin === undefined ? null : crossSite(origin, publicUrl);
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const SEQUENCE = /^(?:0|[1-9]\d{0,15})$/;

export function readCall(operation: Operation, incoming: Incoming, bearing: Bearing): Checked<BusCall> {
  const { headers, params, info } = incoming;
  const fields: FieldProblem[] = [];
  // An id that none can be is no object, like one that is nobody's (api.md §2, E.id).
  if (operation.params && check(operation.params, params).length > 0) return { ok: false, denial: denial('NOT_FOUND', 'No such object.') };
  const query = operation.query ? coerceQuery(operation.query, incoming.query) : {};
  if (operation.query) fields.push(...check(operation.query, query));
  const body = operation.body ? (incoming.body ?? {}) : undefined;
  if (operation.body) fields.push(...check(operation.body, body));

  const key = operation.creates ? one(headers['idempotency-key']) : undefined;
  if (key !== undefined && !IDEMPOTENCY_KEY.test(key)) fields.push({ path: 'Idempotency-Key', rule: 'pattern' });
  const sequence = one(headers['x-min-event-seq']);
  if (sequence !== undefined && !SEQUENCE.test(sequence)) fields.push({ path: 'X-Min-Event-Seq', rule: 'pattern' });
  if (fields.length > 0) return { ok: false, denial: invalid(fields) };

  const passport = one(headers['x-passport-token']);
  return {
    ok: true,
    value: {
      operation: operation.name,
      bearer: onTheBus(bearing),
      ...(passport !== undefined && { passport_token: passport }),
      params: { ...params },
      query,
      body: isRecord(body) ? reduceToolCalls(body) : body,
      request_id: info.request_id,
      traceparent: info.traceparent,
      ...(key !== undefined && { idempotency_key: key }),
      ...(sequence !== undefined && { min_event_seq: Number(sequence) }),
      peer: info.peer,
    },
  };
}

function onTheBus(bearing: Bearing): Bearer {
  switch (bearing.kind) {
    case 'key':
      return { kind: 'key', sha256: bearing.sha256 };
    case 'ticket':
      return { kind: 'ticket', sha256: bearing.sha256 };
    case 'jwt':
      return { kind: 'jwt', token: bearing.token };
    case 'none':
    case 'bad':
      return { kind: 'none' };
  }
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unauthorized(reason: string): { ok: false; denial: Denial } {
  return { ok: false, denial: denial('UNAUTHORIZED', 'The caller could not be authenticated.', { reason }) };
}

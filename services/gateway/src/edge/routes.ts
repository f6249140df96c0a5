/**
 * Every operation of the contract with an HTTP binding whose owner is another service, as a route (architecture, "The bus"). Pre-checks form, shape
 * and limits; the owner authenticates and decides.
 */
import type { BusAnswer, BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { operations } from '@sallyport/contracts/operations.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EdgeDeps } from '../deps.ts';
import type { Bearing } from '../http/bearer.ts';
import { sendDenial } from '../http/errors.ts';
import type { Limits } from '../http/rate-limits.ts';
import type { KnownPaths } from '../http/not-found.ts';
import { type KnownPrincipal, personBearer } from '../views/principals.ts';
import { sendAnswer } from './answer.ts';
import { recordExport } from './exports.ts';
import { callerKey, limitExport, limitOperation, limitRequest } from './limit.ts';
import type { OwnWrites } from './own-writes.ts';
import { readBearer, readCall } from './read-call.ts';

const MB = 1024 * 1024;

export interface Edge {
  limits: Limits;
  /** What belongs to the running boot; throws LedgerUnavailable between two. */
  current: () => EdgeDeps;
  /** The platform's own origin. */
  public_url: string;
  own_writes: OwnWrites;
}

export function edgeOperations(): Operation[] {
  return operations().filter((operation) => operation.http !== undefined && operation.owner !== 'gateway');
}

export function addEdgeRoutes(app: FastifyInstance, edge: Edge, paths: KnownPaths): void {
  for (const operation of edgeOperations()) {
    const { http } = operation;
    if (!http) continue;
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => handle(edge, operation, request, reply);
    for (const path of [http.path, ...(http.aliases ?? [])]) {
      paths.add(http.method, path);
      const { consumes, errors } = http;
      const config = { ...(consumes && { consumes }), ...(errors && { errors }) };
      app.route({ method: http.method, url: path, bodyLimit: http.body_limit ?? MB, exposeHeadRoute: false, config, handler });
    }
  }
}

async function handle(edge: Edge, operation: Operation, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const bearer = readBearer(operation, request.method, request.headers, edge.public_url);
  const bearing: Bearing = bearer.ok ? bearer.value : { kind: 'none' };
  const limited = limitRequest(edge.limits, reply, operation, bearing, request.info.peer);
  if (limited) return sendDenial(request, reply, limited);
  if (!bearer.ok) return sendDenial(request, reply, bearer.denial);

  const read = readCall(operation, { ...incoming(request), info: request.info }, bearing);
  if (!read.ok) return sendDenial(request, reply, read.denial);
  const call = read.value;
  const caller = callerKey(bearing, request.info.peer);
  const over = limitOperation(edge.limits, reply, operation, call, caller);
  if (over) return sendDenial(request, reply, over);

  const deps = edge.current();
  if (isSingleUse(operation) && bearing.kind === 'jwt' && bearing.purpose === 'agent') {
    const used = await deps.assertions.use(bearing.token, operation.name, request.info);
    if (!used.ok) return sendDenial(request, reply, used.denial);
    call.assertion_seq = used.seq;
  }
  const answer = await edge.own_writes.ask(deps.askOwner, operation, call, caller);
  if (operation.name === 'audit.export' && answer.ok) {
    const refused = await recorded(deps, call, bearing, answer, (operatorId) => limitExport(edge.limits, reply, operatorId));
    if (refused) return sendDenial(request, reply, refused);
  }
  return sendAnswer(request, reply, operation, answer);
}

/** Agents that call a public operation in their own name do so to change something. */
function isSingleUse({ single_use, http }: Operation): boolean {
  return single_use === true || http?.bearer === 'optional';
}

/** The framework gives parameters and query as plain maps; what is in them is checked against the contract. */
function incoming(request: FastifyRequest): Pick<Parameters<typeof readCall>[1], 'headers' | 'params' | 'query' | 'body'> {
  const map = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null ? { ...value } : {});
  const params = Object.fromEntries(Object.entries(map(request.params)).map(([name, value]) => [name, String(value)]));
  return { headers: request.headers, params, query: map(request.query), body: request.body };
}

async function callerOf({ principals }: EdgeDeps, { request_id }: BusCall, bearing: Bearing): Promise<KnownPrincipal | Denial> {
  const now = performance.now();
  if (bearing.kind === 'key') {
    return (await principals.ask(bearing.sha256, now, request_id)) ?? denial('INVALID_API_KEY', 'This key belongs to nobody.');
  }
  if (bearing.kind !== 'jwt' || bearing.purpose === 'agent')
    return denial('FORBIDDEN', 'Agents do not export the audit log.', { reason: 'role' });
  const known = await principals.askToken(personBearer(bearing.token), now, request_id);
  if (known && 'view' in known) return known;
  return denial('UNAUTHORIZED', 'The caller could not be authenticated.', { reason: known?.refused.reason ?? 'bad_signature' });
}

/** The owner has said yes and nothing was read of its answer yet: on record first. */
async function recorded(
  deps: EdgeDeps,
  call: BusCall,
  bearing: Bearing,
  answer: Extract<BusAnswer, { ok: true }>,
  limited: (operatorId: string) => Denial | null,
): Promise<Denial | null> {
  try {
    const refused = await recordOf(deps, call, bearing, limited);
    if (refused) await answer.stream?.[Symbol.asyncIterator]().return?.();
    return refused;
  } catch (error) {
    await answer.stream?.[Symbol.asyncIterator]().return?.();
    throw error;
  }
}

async function recordOf(
  deps: EdgeDeps,
  call: BusCall,
  bearing: Bearing,
  limited: (operatorId: string) => Denial | null,
): Promise<Denial | null> {
  const known = await callerOf(deps, call, bearing);
  if ('code' in known) return known;
  const over = limited(known.view.principal.operator_id);
  if (over) return over;
  const now = deps.clock.now();
  const result = await recordExport(deps.bus, known.view.principal, call.query, {
    now,
    request_id: call.request_id,
    traceparent: call.traceparent ?? '',
  });
  return typeof result === 'number' ? null : result;
}

/** `POST /v1/proxy` as a route: from the request to the call, and from the answer to the response. */
import { denial, invalid } from '@sallyport/contracts/errors.ts';
import { proxyCall as operation } from '@sallyport/contracts/operations/proxy.ts';
import { check, matches } from '@sallyport/contracts/validate.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ProxyDeps } from '../deps.ts';
import { proxyCall, type ProxyAnswer } from '../proxy.ts';
import { readProxyRequest } from '../proxy/request.ts';
import { limitHeaders } from '../edge/limit.ts';
import { classifyBearer } from './bearer.ts';
import { sendDenial } from './errors.ts';
import type { KnownPaths } from './not-found.ts';

export function addProxyRoute(app: FastifyInstance, current: () => ProxyDeps, paths: KnownPaths): void {
  const { method, path } = operation.http;
  paths.add(method, path);
  app.route({
    method,
    url: path,
    handler: async (request, reply) => {
      const answer = await run(current, request, reply);
      return answer.ok ? sendEnvelope(reply, answer.text) : refuse(request, reply, answer);
    },
  });
}

function sendEnvelope(reply: FastifyReply, text: string): FastifyReply {
  return reply.code(200).type('application/json; charset=utf-8').send(text);
}

function refuse(request: FastifyRequest, reply: FastifyReply, { denial: refused }: Extract<ProxyAnswer, { ok: false }>): FastifyReply {
  reply.header('x-sallyport-error', refused.code);
  return sendDenial(request, reply, refused);
}

async function run(current: () => ProxyDeps, request: FastifyRequest, reply: FastifyReply): Promise<ProxyAnswer> {
  const { headers, info } = request;
  const body: unknown = request.body ?? {};
  // Step 1.
  if (!matches(operation.body, body)) return { ok: false, denial: invalid(check(operation.body, body)) };
  const read = readProxyRequest(body, {
    approval_id: one(headers['x-intent-approval-id']),
    operation_id: one(headers['x-stack-authority-request-id']),
  });
  if (!read.ok) return read;
  if (headers['upgrade'] !== undefined)
    return { ok: false, denial: denial('INVALID_REQUEST', 'Connections are not upgraded here.', { fields: [] }) };
  return proxyCall(current(), {
    request: read.value,
    bearer: classifyBearer(headers.authorization),
    passport_token: one(headers['x-passport-token']),
    peer: info.peer,
    request_id: info.request_id,
    traceparent: info.traceparent,
    arrived_at: info.arrived_at,
    onLimit: (taken) => limitHeaders(reply, taken),
  });
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

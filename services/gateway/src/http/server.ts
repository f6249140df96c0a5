/**
 * The HTTP server: what holds for every request, whatever its route (api.md §1, §2). No CORS, no stack trace, no answer outside the envelope.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Denial, denial, errorBody, invalid } from '@sallyport/contracts/errors.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { serverSpan, traceresponse } from '@sallyport/service-kit/trace.ts';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Signals } from '../signals.ts';
import { readBodies } from './body.ts';
import { createErrorHandler, sendDenial } from './errors.ts';
import { checkLimits } from './limits.ts';
import { tellLimit } from './limit-headers.ts';
import { answerUnknownPaths, type KnownPaths } from './not-found.ts';
import { type Trusts, trustsNobody } from './peer.ts';
import type { Limits } from './rate-limits.ts';
import { begin, SECURITY_HEADERS } from './request-info.ts';

const BODY_BYTES = 1024 * 1024;
/** All that `checkLimits` lets through, so that it refuses and not the parser: 64 headers of 8 KB with their names, two of 16 KB, the URL. */
const HEADER_BYTES = 600 * 1024;

export function createServer(signals: Signals, paths: KnownPaths, limits: Limits, trusts: Trusts = trustsNobody): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: 120_000,
    keepAliveTimeout: 75_000,
    connectionTimeout: 0,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    genReqId: () => '',
    // Node would answer a request without Host itself, without our envelope.
    http: { maxHeaderSize: HEADER_BYTES, noDelay: true, requireHostHeader: false },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: false },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    clientErrorHandler,
    frameworkErrors: (_error, request, reply) => {
      begin(request, reply, trusts);
      tellLimit(limits, request, reply);
      sendDenial(request, reply, denial('INVALID_REQUEST', 'The URL is not valid.', { fields: [{ path: 'url', rule: 'malformed' }] }));
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply, trusts);
    const refused = withoutHost(request) ?? checkLimits(request.url, request.headers, request.raw.rawHeaders);
    if (refused) {
      sendDenial(request, reply, refused);
      return;
    }
    done();
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    tellLimit(limits, request, reply);
    done();
  });
  // Node would refuse an expectation that it does not know itself; to us it is a header like any other (RFC 9110 §10.1.1 lets a server ignore it).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  readBodies(app);
  app.setErrorHandler(createErrorHandler(signals));
  answerUnknownPaths(app, paths);
  return app;
}

/** RFC 9112 §3.2. */
function withoutHost({ raw, headers }: FastifyRequest): Denial | null {
  return raw.httpVersion === '1.1' && headers.host === undefined ? invalid([{ path: 'host', rule: 'required' }]) : null;
}

/** What is no HTTP at all: answered in the envelope, since there is no request to go through the framework. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const refused = tooLarge
    ? denial('PAYLOAD_TOO_LARGE', 'The headers are too large.')
    : denial('INVALID_REQUEST', 'The request is no HTTP.', { fields: [] });
  const requestId = newId('request', Date.now());
  const span = serverSpan(undefined, randomBytes(24));
  const body = JSON.stringify(errorBody(refused, requestId));
  const head = [
    tooLarge ? 'HTTP/1.1 413 Payload Too Large' : 'HTTP/1.1 400 Bad Request',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    `traceresponse: ${traceresponse(span)}`,
    ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

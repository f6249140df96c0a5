/**
 * Refusals as HTTP answers: the catalogue's envelope, always (api.md §2). The one place where an exception becomes a public error; what is thrown
 * reaches the log, never the caller.
 */
import { LedgerUnavailable, ServiceUnavailable } from '@sallyport/bus/errors.ts';
import { type Denial, denial, errorBody, statusOf } from '@sallyport/contracts/errors.ts';
import { oauthErrorOf } from '@sallyport/contracts/oauth-errors.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { denialPage } from '../pages/refusals.ts';
import { sendPage } from '../pages/send.ts';
import type { Signals } from '../signals.ts';
import { Unanswered } from '../views/questions.ts';
import { BodyRefused } from './body.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of the operation's binding. */
    consumes?: 'form';
    errors?: 'oauth' | 'page';
  }
}

export function sendDenial(request: FastifyRequest, reply: FastifyReply, refused: Denial): FastifyReply {
  if (refused.retry_after !== undefined) reply.header('retry-after', refused.retry_after);
  const { request_id } = request.info;
  switch (request.routeOptions?.config.errors) {
    case 'oauth': {
      const { status, body } = oauthErrorOf(refused);
      return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
    }
    case 'page':
      return sendPage(request, reply, null, denialPage(refused));
    default:
      return reply
        .code(statusOf(refused))
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(errorBody(refused, request_id)));
  }
}

/** The denial that an exception stands for; `null` is a defect. */
function denialOf(error: unknown): Denial | null {
  if (error instanceof BodyRefused) return error.denial;
  if (error instanceof LedgerUnavailable) return { ...denial('AUDIT_UNAVAILABLE', 'The event log cannot be reached.'), retry_after: 1 };
  if (error instanceof ServiceUnavailable || error instanceof Unanswered) {
    return { ...denial('OVERLOADED', 'A part of the platform did not answer.'), retry_after: 1 };
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return denial('UNSUPPORTED_MEDIA_TYPE', 'The request body is not JSON.');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return denial('PAYLOAD_TOO_LARGE', 'The request body is too large.');
    default: {
      const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
      return typeof status === 'number' && status >= 400 && status < 500
        ? denial('INVALID_REQUEST', 'The request is not valid.', { fields: [] })
        : null;
    }
  }
}

export function createErrorHandler(signals: Signals): (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  return (error, request, reply) => {
    const known = denialOf(error);
    if (!known || error instanceof ServiceUnavailable || error instanceof LedgerUnavailable)
      signals.requestFailed(request.info.request_id, error);
    return sendDenial(request, reply, known ?? denial('INTERNAL_ERROR', 'Something went wrong.'));
  };
}

/** The gateway's own operations (api.md §8, §19). */
import { Type } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import { E_WRITE, operation } from '../operation.ts';
import { nullable, oneOf, opt, strict, text } from '../schema.ts';

export const PROXY_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const PROXY_ERRORS = [
  ...E_WRITE,
  'CONFLICT',
  'PASSPORT_EXPIRED',
  'PASSPORT_REVOKED',
  'PASSPORT_BLOCKED',
  'DESTINATION_FORBIDDEN',
  'UPSTREAM_UNREACHABLE',
  'RESPONSE_TOO_LARGE',
  'CREDENTIAL_UNAVAILABLE',
  'REVOCATION_STATE_STALE',
  'DETECTOR_LAG',
  'OVERLOADED',
  'UPSTREAM_TIMEOUT',
] as const satisfies readonly ErrorCode[];

export const OPERATION_ID_PATTERN = '^[A-Za-z0-9_-]{22,256}$';

export const proxyCall = operation({
  name: 'proxy.call',
  owner: 'gateway',
  summary: 'One call to a connected service, with the credential injected',
  who: ['R', 'G'],
  // By the method of the call inside: `proxy:read` for GET and HEAD.
  scope: 'proxy:write',
  http: { method: 'POST', path: '/v1/proxy', status: 200 },
  body: Type.Object({
    service: text(1, 64),
    method: oneOf(PROXY_METHODS),
    url: text(1, 8192),
    headers: opt(Type.Record(Type.String(), Type.String({ maxLength: 8192 }), { maxProperties: 64 })),
    query: opt(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Array(Type.String()), Type.Null()]), {
        maxProperties: 128,
      }),
    ),
    body: Type.Optional(Type.Unknown()),
    body_base64: opt(Type.String()),
    content_type: opt(text(1, 256)),
    approval_id: opt(text(1, 64)),
    authority_request_id: opt(Type.String({ pattern: OPERATION_ID_PATTERN })),
  }),
  response: Type.Object({
    status: Type.Integer(),
    headers: Type.Record(Type.String(), Type.String()),
    body: Type.Unknown(),
    body_kind: oneOf(['json', 'text', 'binary', 'empty']),
    entry_id: nullable(Type.String()),
    attempt_entry_id: Type.String(),
    duration_ms: Type.Integer(),
  }),
  errors: PROXY_ERRORS,
});

export const healthz = operation({
  name: 'health.live',
  owner: 'gateway',
  summary: 'The process serves',
  who: ['-'],
  http: { method: 'GET', path: '/healthz', status: 200 },
  response: Type.Object({ status: Type.Literal('ok') }, strict),
  errors: [],
});
export const readyz = operation({
  name: 'health.ready',
  owner: 'gateway',
  summary: 'The gateway can carry calls: live feed, live lease, writable log, signing keys',
  who: ['-'],
  http: { method: 'GET', path: '/readyz', status: 200, also: [503] },
  response: Type.Object({
    status: oneOf(['ready', 'not_ready']),
    checks: Type.Record(Type.String(), Type.String()),
    version: Type.String(),
  }),
  errors: [],
});
export const openapi = operation({
  name: 'openapi.get',
  owner: 'gateway',
  summary: 'This description',
  who: ['-'],
  http: { method: 'GET', path: '/openapi.json', status: 200, cache: 'public, max-age=300' },
  errors: [],
});

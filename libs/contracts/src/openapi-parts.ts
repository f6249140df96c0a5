/** What the description has in common over all operations: headers (api.md §1.4), the error envelope (§2), how callers authenticate (§3.1). Pure data. */
import { OAUTH_ERRORS } from './oauth-errors.ts';
import { ERRORS } from './errors.ts';
import { ID_PATTERN } from './ids.ts';

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };
export type JsonObject = { [member: string]: Json };

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const traceparent = '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}';

function header(name: string, description: string, schema: JsonObject): JsonObject {
  return { name, in: 'header', required: false, description, schema };
}

/** By component name. */
export const REQUEST_HEADERS = {
  Traceparent: header('traceparent', 'W3C Trace Context; continued when valid, else a new trace begins.', {
    ...text,
    pattern: traceparent,
  }),
  Tracestate: header('tracestate', 'W3C Trace Context.', text),
  IdempotencyKey: header(
    'Idempotency-Key',
    'A repeat with the same key and body gets the first answer; kept 24 h per principal, method and path.',
    {
      ...text,
      pattern: '^[\\x21-\\x7e]{1,255}$',
    },
  ),
  MinEventSeq: header(
    'X-Min-Event-Seq',
    'Waits, at most 2 s, until the read model has reached this log sequence; left out, until it has reached what the caller wrote within 5 s.',
    count,
  ),
  PassportToken: header('X-Passport-Token', 'The passport.', { ...text, maxLength: 16_384 }),
  AgentToken: header('X-Agent-Token', 'Agent JWT as proof of possession where Authorization is taken.', text),
  IntentApprovalId: header('X-Intent-Approval-Id', 'Approval of this call.', { ...text, maxLength: 64 }),
  AuthorityRequestId: header('X-STACK-Authority-Request-Id', 'Operation id: the call happens at most once.', {
    ...text,
    pattern: '^[A-Za-z0-9_-]{22,256}$',
  }),
} as const satisfies Record<string, JsonObject>;

/** By header name. */
export const RESPONSE_HEADERS = {
  'X-Request-Id': { description: 'Made by the server.', schema: { ...text, pattern: ID_PATTERN } },
  traceresponse: { description: '`00-<trace-id>-<span-id of the server span>-<flags>`', schema: { ...text, pattern: traceparent } },
  'X-Event-Seq': { description: 'Log sequence of the last fact written.', schema: count },
  'X-Next-Cursor': { description: 'Where the next page begins; absent at the end.', schema: text },
  Link: { description: '`<…>; rel="next"`', schema: text },
  'RateLimit-Limit': { description: 'Requests per window.', schema: count },
  'RateLimit-Remaining': { description: 'Requests left.', schema: count },
  'RateLimit-Reset': { description: 'Seconds until the window ends.', schema: count },
  'Retry-After': { description: 'Seconds.', schema: count },
  'X-Sallyport-Error': { description: 'The error code, where Sallyport itself refused.', schema: { ...text, enum: Object.keys(ERRORS) } },
  'Idempotency-Replayed': { description: '`true`: the answer of an earlier request with this key.', schema: { ...text, enum: ['true'] } },
  'Cache-Control': { description: '`no-store`, but for public keys and this description.', schema: text },
  Allow: { description: 'Methods of this path.', schema: text },
} as const satisfies Record<string, JsonObject>;

export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

const metadata: JsonObject = {
  type: 'object',
  required: ['request_id'],
  properties: {
    request_id: { ...text, pattern: ID_PATTERN },
    reason: { ...text, description: 'api.md §2.1' },
    fields: {
      type: 'array',
      items: { type: 'object', required: ['path', 'rule'], properties: { path: text, rule: text } },
    },
  },
};

export const ERROR_SCHEMA: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details', 'metadata'],
      properties: {
        code: { ...text, enum: Object.keys(ERRORS) },
        message: { ...text, description: 'For people; may change.' },
        details: { ...metadata, description: 'The same object as `metadata`.' },
        metadata,
      },
    },
  },
};

/** RFC 6749 §5.2. */
export const OAUTH_ERROR_SCHEMA: JsonObject = {
  type: 'object',
  required: ['error', 'error_description'],
  properties: { error: { type: 'string', enum: [...OAUTH_ERRORS] }, error_description: { type: 'string' } },
};

export const SECURITY_SCHEMES: JsonObject = {
  session: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'Session, 24 h, or access token of the OAuth flows, 300 s.',
  },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-sallyport_session',
    description: 'The session of our own pages; what changes something needs their `Origin`.',
  },
  key: { type: 'http', scheme: 'bearer', description: 'Operator key `sk_live_op_…` or member key `sk_live_mem_…`.' },
  agent: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: "Agent JWT, signed by the agent's own key; at most 60 s." },
  passport: { type: 'apiKey', in: 'header', name: 'X-Passport-Token', description: 'The passport of the call, beside the bearer.' },
};

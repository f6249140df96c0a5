/**
 * Step 1 of a proxied call (api.md §8.1): the body's own rules, beyond its schema. Pure. What comes out is the gateway's own parse; the
 * caller's bytes are not used again.
 */
import { denial, type Denial, invalid } from '@sallyport/contracts/errors.ts';
import { OPERATION_ID_PATTERN, type proxyCall } from '@sallyport/contracts/operations/proxy.ts';
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import { type CallBody, queryPairs } from '@sallyport/policy/call-shape.ts';
import type { Json } from '@sallyport/policy/json.ts';
import type { QueryPair } from '@sallyport/policy/url.ts';
import { formText } from './form.ts';
import { type Header, requestHeaders } from './headers.ts';

export interface ProxyRequest {
  service: string;
  method: string;
  /** As given, placeholders and all. */
  url: string;
  headers: Header[];
  query: QueryPair[];
  body: CallBody;
  /** Bytes of the body as they are sent; null for none. */
  payload: string | Buffer | null;
  content_type: string | null;
  approval_id: string | null;
  operation_id: string | null;
}

export interface OutsideHeaders {
  approval_id: string | undefined;
  operation_id: string | undefined;
}

type ProxyBody = BodyOf<typeof proxyCall>;
type Read<T> = { ok: true; value: T } | { ok: false; denial: Denial };

const OPERATION_ID = new RegExp(OPERATION_ID_PATTERN);
const MAX_QUERY_KEYS = 128;
const refuse = (path: string, rule: string): { ok: false; denial: Denial } => ({ ok: false, denial: invalid([{ path, rule }]) });

/** `given` has the contract's shape. */
export function readProxyRequest(given: ProxyBody, outside: OutsideHeaders): Read<ProxyRequest> {
  const headers = requestHeaders(given.headers ?? {});
  if (!headers.ok) return refuse(`headers.${headers.problem}`, 'header');
  const query = queryPairs(withoutNulls(given.query ?? {}));
  if (!query) return refuse('query', 'type');
  if (query.length > MAX_QUERY_KEYS)
    return { ok: false, denial: denial('PAYLOAD_TOO_LARGE', `A query has at most ${MAX_QUERY_KEYS} keys.`) };
  const body = readBody(given, headers.headers);
  if (!body.ok) return body;
  const approval = oneOf(outside.approval_id, given.approval_id ?? undefined);
  if (approval === false) return refuse('approval_id', 'differs_from_header');
  if (approval !== null && approval.length > 64) return refuse('approval_id', 'maxLength');
  const operation = oneOf(outside.operation_id, given.authority_request_id ?? undefined);
  if (operation === false) return refuse('authority_request_id', 'differs_from_header');
  if (operation !== null && !OPERATION_ID.test(operation)) return refuse('authority_request_id', 'pattern');
  return {
    ok: true,
    value: {
      service: given.service,
      method: given.method,
      url: given.url,
      headers: headers.headers,
      query,
      ...body.value,
      approval_id: approval,
      operation_id: operation,
    },
  };
}

function oneOf(header: string | undefined, alias: string | undefined): string | null | false {
  if (header !== undefined && alias !== undefined && header !== alias) return false;
  return header ?? alias ?? null;
}

function withoutNulls(map: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.values(map).includes(null) ? Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null)) : map;
}

interface Body {
  body: CallBody;
  payload: string | Buffer | null;
  content_type: string | null;
}

const NO_BODY: Body = { body: { kind: 'absent' }, payload: null, content_type: null };
const FORM = 'application/x-www-form-urlencoded';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function readBody(given: ProxyBody, headers: readonly Header[]): Read<Body> {
  const { body_base64: base64 = null, content_type: type = null } = given;
  // Through the strict parser, so this is JSON.
  const body = given.body as Json | undefined;
  const hasBody = body !== undefined && body !== null;
  if (base64 === null && type === null && !hasBody) return { ok: true, value: NO_BODY };
  if (given.method === 'GET' || given.method === 'DELETE') return refuse(hasBody ? 'body' : 'body_base64', 'not_allowed');
  if (base64 !== null || type !== null) {
    if (base64 === null || type === null) return refuse(base64 === null ? 'body_base64' : 'content_type', 'required');
    if (hasBody) return refuse('body', 'not_allowed');
    if (!BASE64.test(base64)) return refuse('body_base64', 'base64');
    if (!/^[\x20-\x7e]+$/.test(type)) return refuse('content_type', 'header');
    const binary = { kind: 'binary', base64, content_type: type } as const;
    return { ok: true, value: { body: binary, payload: Buffer.from(base64, 'base64'), content_type: type } };
  }
  const declared = headers.find(([name]) => name === 'content-type')?.[1];
  if (typeof body === 'string')
    return { ok: true, value: { body: { kind: 'text', text: body }, payload: body, content_type: declared ?? 'text/plain' } };
  if (declared?.split(';', 1)[0]?.trim().toLowerCase() === FORM && isObject(body)) {
    return { ok: true, value: { body: { kind: 'form', value: body }, payload: formText(body), content_type: declared } };
  }
  return {
    ok: true,
    value: { body: { kind: 'json', value: body ?? null }, payload: JSON.stringify(body), content_type: declared ?? 'application/json' },
  };
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

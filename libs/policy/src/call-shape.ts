/**
 * What a call is, as far as an approval and the audit log are concerned: its shape and the digest of that shape (api.md §10.2).
 *
 * The digest covers service, method, URL, query and body; it does not cover headers, so a call made with an approval may forward
 * only the headers that api.md §8.3 lists.
 */
import { hash } from 'node:crypto';
import { canonicalText, type Json } from './json.ts';
import type { NormalUrl, QueryPair } from './url.ts';

export type CallBody =
  | { readonly kind: 'absent' }
  | { readonly kind: 'json'; readonly value: Json }
  | { readonly kind: 'form'; readonly value: Json }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'binary'; readonly base64: string; readonly content_type: string };

export type CallInput = {
  /** Provider slug. */
  readonly service: string;
  readonly method: string;
  readonly url: NormalUrl;
  /** The pairs that come after the URL's own (`queryPairs` of the request's `query` map). */
  readonly query: readonly QueryPair[];
  readonly body: CallBody;
};

export type CallShape = {
  readonly service: string;
  readonly method: string;
  readonly url: string;
  /** Sorted by name in code-point order; values of one name keep their order. */
  readonly query: readonly QueryPair[];
  readonly body: Json;
};

export type ShapePart = 'service' | 'method' | 'url' | 'query' | 'body';

const PARTS: readonly ShapePart[] = ['service', 'method', 'url', 'query', 'body'];

/** The shape of a call and its digest: lower-case hex SHA-256 of the RFC 8785 form of the shape. */
export function callShape(call: CallInput): { readonly shape: CallShape; readonly call_digest: string } {
  const shape: CallShape = {
    service: call.service,
    method: call.method.toUpperCase(),
    url: call.url.url,
    query: sortByName([...call.url.query, ...call.query]),
    body: bodyValue(call.body),
  };
  return { shape, call_digest: digestOf(shape) };
}

/** The digest of a shape that was stored, for instance in an intent claim. */
export function digestOf(shape: CallShape): string {
  return hash('sha256', textOf(shape), 'hex');
}

/** `canonicalText(shape)`, its members written in their order: RFC 8785 writes strings as JSON does, so only the body has to be walked. */
function textOf({ body, method, query, service, url }: CallShape): string {
  const strings = `"method":${JSON.stringify(method)},"query":${JSON.stringify(query)},"service":${JSON.stringify(service)},"url":${JSON.stringify(url)}}`;
  // A lone surrogate, which JSON writes as an escape, has no RFC 8785 form.
  if (LONE_SURROGATE.test(strings)) return canonicalText({ body, method, query, service, url });
  return `{"body":${body === null ? 'null' : canonicalText(body)},${strings}`;
}

const LONE_SURROGATE = /\\ud[89a-f]/;

/** The parts in which two shapes differ, never their values (api.md §10.5, `metadata.changed`). */
export function changedParts(approved: CallShape, attempted: CallShape): ShapePart[] {
  return PARTS.filter((part) => canonicalText(approved[part]) !== canonicalText(attempted[part]));
}

/** The body as the digest sees it: absent is `null`, binary is `{base64, content_type}`. */
export function bodyValue(body: CallBody): Json {
  switch (body.kind) {
    case 'absent':
      return null;
    case 'json':
    case 'form':
      return body.value;
    case 'text':
      return body.text;
    case 'binary':
      return { base64: body.base64, content_type: body.content_type };
  }
}

/** A request's `query` map (string, number, boolean or string[] per name, api.md §8.1) as pairs, or null when a value is none of these. */
export function queryPairs(map: Readonly<Record<string, unknown>>): QueryPair[] | null {
  const pairs: QueryPair[] = [];
  for (const [name, value] of Object.entries(map)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      const scalar = typeof item === 'string' || (!Array.isArray(value) && (typeof item === 'number' || typeof item === 'boolean'));
      if (!scalar) return null;
      pairs.push([name, String(item)]);
    }
  }
  return pairs;
}

function sortByName(pairs: readonly QueryPair[]): readonly QueryPair[] {
  return pairs.length < 2 ? pairs : pairs.toSorted(([a], [b]) => compareCodePoints(a, b));
}

// UTF-16 order differs from code-point order only where a surrogate meets U+E000..U+FFFF; UTF-8 bytes keep code-point order.
function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

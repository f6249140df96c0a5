/**
 * The normalised view of a call that constraints are judged on (api.md §9.1), and how a path finds its values in it.
 *
 * The view is made from the gateway's own parse, so what was judged is what is sent.
 */
import type { CallBody } from './call-shape.ts';
import { isJsonObject, type Json } from './json.ts';
import { constraintPathname, type NormalUrl, type QueryPair } from './url.ts';

export type CallView = {
  /** Upper case. */
  readonly method: string;
  readonly pathname: string;
  readonly host: string;
  readonly origin: string;
  /** Names in lower case, values as forwarded. */
  readonly headers: ReadonlyMap<string, string>;
  /** The URL's pairs, then those of the request's `query` map. */
  readonly query: readonly QueryPair[];
  /** The value of a JSON or form body; undefined for absent, text and binary bodies, on which every `body.*` path is absent. */
  readonly body: Json | undefined;
};

export function callView(call: {
  readonly method: string;
  readonly url: NormalUrl;
  readonly query: readonly QueryPair[];
  readonly headers: Iterable<readonly [string, string]>;
  readonly body: CallBody;
}): CallView {
  const headers = new Map<string, string>();
  for (const [name, value] of call.headers) headers.set(name.toLowerCase(), value);
  return {
    method: call.method.toUpperCase(),
    pathname: constraintPathname(call.url.pathname),
    host: call.url.host,
    origin: call.url.origin,
    headers,
    query: call.query.length === 0 ? call.url.query : [...call.url.query, ...call.query],
    body: call.body.kind === 'json' || call.body.kind === 'form' ? call.body.value : undefined,
  };
}

/** A body segment: a key or index, or every element of an array. */
export type BodySegment = { readonly kind: 'key'; readonly key: string } | { readonly kind: 'every' };

export type ViewPath =
  | { readonly kind: 'method' | 'pathname' | 'host' | 'origin' }
  | { readonly kind: 'header' | 'query'; readonly name: string }
  | { readonly kind: 'body'; readonly segments: readonly BodySegment[] };

const MAX_PATH_LENGTH = 512;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const INDEX = /^(?:0|[1-9][0-9]{0,8})$/;

/** The parsed form of a constraint's `path`, or null when it is none of the forms of api.md §9.1. */
export function parsePath(path: string): ViewPath | null {
  if (path.length > MAX_PATH_LENGTH) return null;
  switch (path) {
    case 'method':
      return { kind: 'method' };
    case 'url.pathname':
      return { kind: 'pathname' };
    case 'url.host':
      return { kind: 'host' };
    case 'url.origin':
      return { kind: 'origin' };
  }
  const dot = path.indexOf('.');
  const rest = path.slice(dot + 1);
  if (dot === -1 || rest === '') return null;
  switch (path.slice(0, dot)) {
    case 'headers':
      return HEADER_NAME.test(rest) ? { kind: 'header', name: rest.toLowerCase() } : null;
    case 'query':
      return { kind: 'query', name: rest };
    case 'body': {
      const segments = bodySegments(rest);
      return segments === null ? null : { kind: 'body', segments };
    }
    default:
      return null;
  }
}

/** Every value that a path stands for; undefined in place of each one that is absent, so the list is never empty. */
export function valuesAt(view: CallView, path: ViewPath): readonly (Json | undefined)[] {
  switch (path.kind) {
    case 'method':
    case 'pathname':
    case 'host':
    case 'origin':
      return [view[path.kind]];
    case 'header':
      return [view.headers.get(path.name)];
    case 'query': {
      const values = view.query.filter(([name]) => name === path.name).map(([, value]) => value);
      return values.length === 0 ? [undefined] : values;
    }
    case 'body': {
      const found: (Json | undefined)[] = [];
      collect(view.body, path.segments, 0, found);
      return found;
    }
  }
}

function collect(value: Json | undefined, segments: readonly BodySegment[], at: number, found: (Json | undefined)[]): void {
  const segment = segments[at];
  if (segment === undefined || value === undefined) {
    found.push(value);
    return;
  }
  if (segment.kind === 'every') {
    // An empty list has no element that could pass, so it is absent: "all of none" must not satisfy a rule.
    if (!Array.isArray(value) || value.length === 0) found.push(undefined);
    else for (const element of value) collect(element, segments, at + 1, found);
    return;
  }
  collect(child(value, segment.key), segments, at + 1, found);
}

// Only own members count: a body cannot reach a prototype through `constructor` or `__proto__`.
function child(value: Json, key: string): Json | undefined {
  if (isJsonObject(value)) return Object.hasOwn(value, key) ? value[key] : undefined;
  if (Array.isArray(value)) return INDEX.test(key) ? value[Number(key)] : undefined;
  return undefined;
}

function bodySegments(text: string): BodySegment[] | null {
  const segments: BodySegment[] = [];
  let key = '';
  let escaped = false;
  for (let at = 0; at <= text.length; at += 1) {
    const character = text[at];
    if (character === '\\') {
      const next = text[at + 1];
      if (next !== '.' && next !== '\\' && next !== '*') return null;
      key += next;
      escaped = true;
      at += 1;
    } else if (character === '.' || character === undefined) {
      if (key === '') return null;
      segments.push(key === '*' && !escaped ? { kind: 'every' } : { kind: 'key', key });
      key = '';
      escaped = false;
    } else {
      key += character;
    }
  }
  return segments;
}

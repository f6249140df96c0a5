/** The class of a call: read, write or delete (detectors.md §1.4). In doubt a call writes. */
import { type FeatureView, isObject, type Json, member, segmentsOf } from './view.ts';

export type CallClass = 'read' | 'write' | 'delete';

const READING_WORDS: ReadonlySet<string> = new Set(['search', 'query', 'list', 'get', 'batchGet', 'lookup', 'read', 'count']);

export function classOf(view: Pick<FeatureView, 'method' | 'pathname' | 'body'>): CallClass {
  switch (view.method) {
    case 'GET':
    case 'HEAD':
      return 'read';
    case 'DELETE':
      return 'delete';
    case 'POST':
      return postReads(view) ? 'read' : 'write';
    default:
      return 'write';
  }
}

function postReads(view: Pick<FeatureView, 'pathname' | 'body'>): boolean {
  const last = segmentsOf(view.pathname).at(-1);
  if (last === undefined) return false;
  if (last.toLowerCase() === 'graphql') return graphqlReads(view.body);
  return READING_WORDS.has(last.split(/[^A-Za-z0-9]+/).at(-1) ?? '');
}

// A persisted query shows only a hash of its text, so it counts as writing; so does a batch with one operation that does.
function graphqlReads(body: Json | undefined): boolean {
  if (Array.isArray(body)) return body.length > 0 && body.every((one) => isObject(one) && graphqlReads(one));
  const document = member(body, 'query');
  return typeof document === 'string' && !holdsMutation(document);
}

const TOKEN = /#[^\n\r]*|"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n\r])*"|[{}()]|[_A-Za-z][_0-9A-Za-z]*/g;

/** True when the GraphQL document has `mutation` where an operation begins; not in a string, a comment, a selection or a list of variables. */
function holdsMutation(document: string): boolean {
  let depth = 0;
  for (const [token] of document.matchAll(TOKEN)) {
    if (token === '{' || token === '(') depth += 1;
    else if (token === '}' || token === ')') depth -= 1;
    // Braces that do not balance could hide an operation from this count: it then holds one.
    else if (token === 'mutation' && depth <= 0) return true;
    if (depth < 0) return true;
  }
  return depth !== 0;
}

/** The platform's HTTP API as a test speaks it: JSON in, status, headers and JSON out. Nothing is retried, and every answer must keep the conventions. */
import assert from 'node:assert/strict';
import { eventually } from '@sallyport/testing/time.ts';
import { assertConventions } from './conventions.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore format: one place where an answer is of any shape
  body: any; // oxlint-disable-line typescript/no-explicit-any -- answers are asserted field by field
}

/** What a refusal is told by: status, code and `metadata.reason`. */
export const why = ({ status, body }: Answer): unknown[] => [status, body?.error?.code, body?.error?.metadata?.reason];

export type Api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export function apiOf(baseUrl: string, bearer?: string): Api {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer = { status: response.status, headers: response.headers, body: parse(text) };
    assertConventions(path, answer);
    return answer;
  };
}

/**
 * A read that has seen at least what `written` wrote, whoever reads (api.md §1.7). A read model may need longer than one wait on a busy machine and says so;
 * who asks again gets there. Any other answer stands as it is.
 */
export async function readSince(api: Api, path: string, { headers }: Pick<Answer, 'headers'>): Promise<Answer> {
  const seen = { 'x-min-event-seq': headers.get('x-event-seq') ?? assert.fail('nothing was written') };
  return eventually(async () => {
    const answer = await api('GET', path, undefined, seen);
    assert.notEqual(answer.body?.error?.code, 'READ_MODEL_BEHIND', path);
    return answer;
  });
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

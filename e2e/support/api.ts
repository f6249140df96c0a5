/** The platform's HTTP API as a test speaks it: JSON in, status, headers and JSON out. Nothing is retried, and every answer must keep the conventions. */
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

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * A real HTTP server in the place of a provider: it answers like GitHub's issues API and keeps what it saw.
 * Connections reach it through `upstream_override`.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export type Route = (request: Seen, response: ServerResponse) => void;

export interface Upstream {
  url: string;
  seen: Seen[];
  /** TCP connections accepted, so that a refused call can be shown to have opened none. */
  connections(): number;
  /** Answers for paths that begin so, in place of the issues API. */
  routes: Map<string, Route>;
  stop(): Promise<void>;
}

export async function startUpstream(): Promise<Upstream> {
  const seen: Seen[] = [];
  const routes = new Map<string, Route>();
  let accepted = 0;
  const server = createServer((request, response) => void answer(request, response));
  server.on('connection', () => {
    accepted++;
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const one: Seen = {
      at: Date.now(),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
    };
    seen.push(one);
    for (const [prefix, route] of routes) if (one.path.startsWith(prefix)) return route(one, response);
    if (/^\/repos\/[^/]+\/[^/]+\/issues(\?|$)/.test(one.path)) return issues(one, response);
    json(response, 404, { message: 'Not Found' });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test whose platform did not start must end all the same.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    connections: () => accepted,
    routes,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

function issues(request: Seen, response: ServerResponse): void {
  if (request.method === 'POST') return json(response, 201, { number: 8, state: 'open', ...(JSON.parse(request.body) as object) });
  json(response, 200, [{ number: 7, state: 'open', title: 'Tilte typo on the landing page' }]);
}

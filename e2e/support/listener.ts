/** A client's listener on this machine, for the length of a test: keeps the first answer that comes to its path, whole. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Listener {
  callback: string;
  /** Query and headers of what came to the callback. */
  answered(): Promise<{ query: URLSearchParams; headers: IncomingHttpHeaders }>;
  /** How often the callback was called so far. */
  count(): number;
}

export async function listener(t: TestContext, path = '/cb'): Promise<Listener> {
  const came = Promise.withResolvers<{ query: URLSearchParams; headers: IncomingHttpHeaders }>();
  let count = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === path) {
      count++;
      came.resolve({ query: url.searchParams, headers: request.headers });
    }
    // A browser asks every site for its icon, whenever it finds the time.
    if (url.pathname === '/favicon.ico') return void response.writeHead(204).end();
    response.writeHead(url.pathname === path ? 200 : 404, { 'content-type': 'text/html' }).end('<!doctype html><title>Client</title>done');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    callback: `http://127.0.0.1:${port}${path}`,
    answered: () => came.promise,
    count: () => count,
  };
}

/** A page of another site: another host, and for a browser another site. */
export async function foreignSite(t: TestContext, html: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}

/**
 * The only HTTP that a service other than the gateway speaks: `/healthz`, `/readyz`, `/metrics`, on loopback unless told otherwise. Answers nothing else
 * and reads no request body. A check that throws or takes over 1.5 s counts as failed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';

/** `'ok'`, or in few words what is wrong (shown by `/readyz`; no secrets, no addresses). */
export type Check = () => string | Promise<string>;

export interface Readiness {
  status: 'ready' | 'not_ready';
  checks: Record<string, string>;
  /** What somebody must look at though the process serves. */
  details?: Record<string, unknown>;
  version: string;
}

export interface InternalServer {
  port: number;
  close(): Promise<void>;
}

export const VERSION = '1.0.0';
const CHECK_MS = 1_500;

export async function readiness(checks: Readonly<Record<string, Check>>): Promise<Readiness> {
  const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await outcome(check)] as const));
  const ready = results.every(([, result]) => result === 'ok');
  return { status: ready ? 'ready' : 'not_ready', checks: Object.fromEntries(results), version: VERSION };
}

async function outcome(check: Check): Promise<string> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve('no answer'), CHECK_MS);
  try {
    return await Promise.race([check(), late.promise]);
  } catch {
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}

export interface InternalOptions {
  port: number;
  host?: string;
  checks: Readonly<Record<string, Check>>;
  details?: () => Record<string, unknown>;
  metrics: Metrics;
}

/** Resolves when it listens. */
export async function serveInternal({ port, host = '127.0.0.1', checks, details, metrics }: InternalOptions): Promise<InternalServer> {
  const server = createServer((request, response) => {
    answer(request, response, { checks, details, metrics }).catch(() => {
      if (!response.headersSent) send(response, 500, 'text/plain', '');
    });
  });
  server.requestTimeout = 5_000;
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, host, listening.resolve);
  await listening.promise;
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { checks, details, metrics }: Pick<InternalOptions, 'checks' | 'metrics'> & { details: InternalOptions['details'] | undefined },
): Promise<void> {
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', '');
  switch (request.url) {
    case '/healthz':
      return send(response, 200, 'application/json', JSON.stringify({ status: 'ok' }));
    case '/readyz': {
      const ready: Readiness = { ...(await readiness(checks)), ...(details && { details: details() }) };
      return send(response, ready.status === 'ready' ? 200 : 503, 'application/json', JSON.stringify(ready));
    }
    case '/metrics':
      return send(response, 200, metrics.contentType, await metrics.text());
    default:
      return send(response, 404, 'text/plain', '');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}

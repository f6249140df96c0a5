/**
 * The port at which the published client looks for the page `/sdk-bootstrap` when its base URL is on this machine (api.md §5.2): a redirect to the gateway
 * and nothing else. A port that somebody else has is said and never stops the platform.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export const SDK_PORT = 3100;

const PATH = '/sdk-bootstrap';
const ADDRESSES = ['127.0.0.1', '::1'] as const;

export interface SdkPort {
  /** Addresses that answer. */
  listening: string[];
  close(): Promise<void>;
}

export async function redirectSdkPort(publicUrl: string, port: number, say: (line: string) => void): Promise<SdkPort> {
  const servers: Server[] = [];
  const listening: string[] = [];
  for (const host of ADDRESSES) {
    const server = createServer((request, response) => redirect(publicUrl, request, response));
    server.requestTimeout = 5_000;
    const problem = await listen(server, host, port);
    if (problem === null) {
      servers.push(server);
      listening.push(host);
    } else if (problem === 'EADDRINUSE') {
      say(
        `port ${port} of ${host} is taken: the published client's enrolment page is at ${publicUrl}${PATH}; set STACK_DASHBOARD_URL=${publicUrl}`,
      );
    }
    // Where there is no IPv6 the other address is enough.
  }
  return {
    listening,
    close: async () => {
      await Promise.all(
        servers.map((server) => {
          server.closeAllConnections();
          return new Promise<void>((resolve) => server.close(() => resolve()));
        }),
      );
    },
  };
}

function redirect(publicUrl: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', ...query] = (request.url ?? '').split('?');
  const headers = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' };
  if (request.method !== 'GET' || path !== PATH) {
    response.writeHead(404, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n');
    return;
  }
  const search = query.length === 0 ? '' : `?${query.join('?')}`;
  response.writeHead(302, { ...headers, location: `${new URL(publicUrl).origin}${PATH}${search}` }).end();
}

function listen(server: Server, host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host, port, exclusive: true }, () => resolve(null));
  });
}

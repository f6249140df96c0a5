/**
 * An upstream that notes when calls arrive, by the marker `m` in their query. In the process that also revokes, so that both are told by one clock.
 * Calls whose marker begins with `slow` are answered after ten seconds.
 */
import { createServer, type Socket } from 'node:net';

const BODY = '[{"number":7}]';
const ANSWER = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`);
const SLOW_MS = 10_000;

export interface Arrivals {
  port: number;
  /** `performance.now()` of the last call with this marker. */
  last(marker: string): number | undefined;
  count(marker: string): number;
  stop(): void;
}

export async function startArrivals(): Promise<Arrivals> {
  const seen = new Map<string, { at: number; count: number }>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data: Buffer) => {
      const now = performance.now();
      for (const [, marker = ''] of data.toString('latin1').matchAll(/^[A-Z]+ \S*?[?&]m=([\w-]*)/gm)) {
        const known = seen.get(marker);
        seen.set(marker, { at: now, count: (known?.count ?? 0) + 1 });
        if (marker.startsWith('slow')) setTimeout(() => socket.write(ANSWER), SLOW_MS).unref();
        else socket.write(ANSWER);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    last: (marker) => seen.get(marker)?.at,
    count: (marker) => seen.get(marker)?.count ?? 0,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

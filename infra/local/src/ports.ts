/**
 * Free TCP ports on the loopback interface. A port is free at the moment of asking only: whoever binds it later
 * must be ready to lose the race.
 */
import { createServer } from 'node:net';

function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

// Below the range from which systems hand out ports for outgoing connections, so nothing takes one by accident.
const LOWEST = 20_000;
const COUNT = 12_000;

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error('no free TCP port found');
}

/** The wanted port, or the next free one above it. */
export async function portFrom(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < Math.min(wanted + 200, 65_536); port++) {
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  return freePort();
}

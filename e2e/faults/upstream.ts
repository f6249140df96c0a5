/** The provider of the fault tests: answers every request after a while, and logs what came when, with the digest computed from what it received. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callDigest, type UpstreamCall } from './checker.ts';

export interface SlowUpstream {
  url: string;
  log: UpstreamCall[];
  /** Requests that wait for their answer. */
  open(): number;
  /** How long an answer takes, at least and at most. */
  delay: { from_ms: number; to_ms: number };
  stop(): Promise<void>;
}

export async function startSlowUpstream(random: () => number): Promise<SlowUpstream> {
  const log: UpstreamCall[] = [];
  const delay = { from_ms: 0, to_ms: 10 };
  let open = 0;
  const server = createServer((request, response) => {
    const at_ms = Date.now();
    open++;
    response.once('close', () => open--);
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const text = Buffer.concat(parts).toString();
      const path = request.url ?? '';
      const body: Record<string, string> | null = text === '' ? null : JSON.parse(text);
      const digest = callDigest(request.method ?? '', `https://api.github.com${path}`, body);
      log.push({ digest, marker: path.slice(path.lastIndexOf('/') + 1), at_ms });
      setTimeout(
        () => {
          if (response.destroyed) return;
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end('{"ok":true}');
        },
        delay.from_ms + random() * (delay.to_ms - delay.from_ms),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    open: () => open,
    delay,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

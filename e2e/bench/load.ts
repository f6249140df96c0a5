/**
 * Closed-loop load over raw sockets: each connection sends a ready-made request, waits for the whole answer, sends the next.
 * Lean on purpose, so that the server under test is the first to be short of processor time.
 */
import { connect, type Socket } from 'node:net';

export interface Load {
  calls: number;
  failures: number;
  /** First answer that was not 200, for the report. */
  failure: string | null;
  seconds: number;
  /** Milliseconds, sorted. */
  latencies: Float64Array;
}

export interface LoadOptions {
  port: number;
  connections: number;
  seconds: number;
  /** The next request, whole: head and body. */
  next: () => Buffer;
}

export async function load(options: LoadOptions): Promise<Load> {
  const samples = new Float64Array(2_000_000);
  const result = { calls: 0, failures: 0, failure: null as string | null };
  const start = performance.now();
  const end = start + options.seconds * 1000;
  await Promise.all(
    Array.from({ length: options.connections }, () =>
      one(options, end, (ms, failed) => {
        samples[result.calls++] = ms;
        if (failed === null) return;
        result.failures++;
        result.failure ??= failed;
      }),
    ),
  );
  const seconds = (performance.now() - start) / 1000;
  return { ...result, seconds, latencies: samples.slice(0, result.calls).sort() };
}

function one(options: LoadOptions, end: number, done: (ms: number, failed: string | null) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(options.port, '127.0.0.1');
    socket.setNoDelay(true);
    let sent = 0;
    let text = '';
    const send = (): void => {
      text = '';
      sent = performance.now();
      socket.write(options.next());
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (part: Buffer) => {
      text += part.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      if (length === undefined || text.length < head + 4 + Number(length)) return;
      const now = performance.now();
      done(now - sent, text.startsWith('HTTP/1.1 200') ? null : text.slice(0, 600));
      if (now < end) send();
      else socket.end();
    });
  });
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One request of `POST /v1/proxy`, as bytes. */
export function proxyRequest(headers: Record<string, string>, body: unknown): Buffer {
  const data = JSON.stringify(body);
  const lines = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(data)),
    ...headers,
  });
  return Buffer.from(`POST /v1/proxy HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${data}`);
}

/** One keep-alive HTTP connection over a raw socket: one request at a time, ready-made bytes in, status and text out. Lean, so that the server is measured. */
import { connect } from 'node:net';

export interface Wire {
  /** One request at a time. `text` is the whole answer, head and body. */
  ask(request: Buffer, onAnswer: (status: number, text: string) => void): void;
  end(): void;
  /** Rejects when the connection broke. */
  closed: Promise<void>;
}

export function wire(port: number): Wire {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  let text = '';
  let answer: ((status: number, text: string) => void) | null = null;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', reject);
  socket.on('close', () => resolve());
  socket.on('data', (part: Buffer) => {
    text += part.toString('latin1');
    const head = text.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
    if (length === undefined || text.length < head + 4 + Number(length)) return;
    const [told, whole] = [answer, text];
    answer = null;
    text = '';
    told?.(Number(whole.slice(9, 12)), whole);
  });
  return {
    ask: (request, onAnswer) => {
      answer = onAnswer;
      socket.write(request);
    },
    end: () => socket.end(),
    closed: promise,
  };
}

/** A request with a JSON body, as bytes. */
export function post(path: string, headers: Record<string, string>, body: unknown): Buffer {
  const data = JSON.stringify(body);
  const all = { host: '127.0.0.1', 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(data)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${data}`);
}

export function proxyRequest(headers: Record<string, string>, body: unknown): Buffer {
  return post('/v1/proxy', headers, body);
}

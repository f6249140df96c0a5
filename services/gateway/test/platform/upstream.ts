/** An upstream on loopback that keeps what it heard and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

export interface Heard {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface TestUpstream {
  url: string;
  secret: string;
  heard: Heard[];
  /** Answers of `/hold` go out when it is called; those of `/head` and `/part` never end. */
  letGo(): void;
  waiting(): number;
  stop(): Promise<void>;
}

export async function startUpstream(): Promise<TestUpstream> {
  const heard: Heard[] = [];
  let held: ServerResponse[] = [];
  const secret = 'ghp_upstreamsecretupstreamsecret0123';
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const path = request.url ?? '';
      heard.push({ method: request.method ?? '', path, headers: request.headers, body: Buffer.concat(parts).toString() });
      answer(request, response, path);
    });
  });
  function answer(request: IncomingMessage, response: ServerResponse, path: string): void {
    const json = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    if (path.endsWith('/hold')) held.push(response);
    else if (path.endsWith('/head')) response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5 }).flushHeaders();
    else if (path.endsWith('/part')) response.writeHead(200, { 'content-type': 'text/plain' }).write('the beginning');
    else if (path.endsWith('/echo')) json(200, { echoed: request.headers.authorization, raw: secret });
    else if (path.endsWith('/redirect')) response.writeHead(302, { location: 'https://elsewhere.example/', 'set-cookie': 'a=b' }).end();
    else if (path.endsWith('/missing')) json(404, { message: 'Not Found' });
    else if (path.endsWith('/broken')) json(500, { message: 'oops' });
    else if (path.endsWith('/huge'))
      response
        .writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(10 * 1024 * 1024 + 1, 0x61)));
    else if (path.endsWith('/image')) response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([1, 2, 3]));
    else if (path.endsWith('/reset')) request.socket.destroy();
    else json(200, { ok: true });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    secret,
    heard,
    letGo: () => {
      for (const response of held) response.writeHead(200, { 'content-type': 'application/json' }).end('{"held":true}');
      held = [];
    },
    waiting: () => held.length,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

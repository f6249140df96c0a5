/**
 * The baseline: Fastify and undici with the gateway's request and answer, and nothing else: no check, no record, no credential store.
 * usage: pass-through.ts UPSTREAM_URL; prints its port.
 */
import Fastify from 'fastify';
import { Pool } from 'undici';

interface Call {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: unknown;
}

const upstream = new Pool(process.argv[2] ?? '', { connections: 128 });
const app = Fastify();
app.post<{ Body: Call }>('/v1/proxy', async (request, reply) => {
  const call = request.body;
  const url = new URL(call.url);
  const started = performance.now();
  const response = await upstream.request({
    method: call.method,
    path: url.pathname + url.search,
    headers: { ...call.headers, host: url.host, authorization: 'Bearer constant' },
    body: call.body === undefined ? null : JSON.stringify(call.body),
  });
  const text = await response.body.text();
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  void reply.send({
    status: response.statusCode,
    headers,
    body: JSON.parse(text),
    body_kind: 'json',
    entry_id: null,
    attempt_entry_id: null,
    duration_ms: Math.round(performance.now() - started),
  });
});
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
console.log(typeof address === 'object' && address ? address.port : '');

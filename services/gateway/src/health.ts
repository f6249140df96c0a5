/** `/healthz`, `/readyz`, `/openapi.json` (api.md §19), on the public port; the internal port has the first two and metrics. */
import { healthz, openapi, readyz } from '@sallyport/contracts/operations/proxy.ts';
import { readiness, VERSION, type Check } from '@sallyport/service-kit/health.ts';
import type { FastifyInstance } from 'fastify';
import { streamInfo } from '@sallyport/bus/api.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import { openapiDocument } from './edge/openapi.ts';
import type { Gateway } from './gateway.ts';
import type { KnownPaths } from './http/not-found.ts';

export function readinessChecks(bus: Bus, gateway: Gateway): Record<string, Check> {
  return {
    log: async () => {
      await streamInfo(bus);
      return 'ok';
    },
    revocation_feed: () => (gateway.running()?.feed.fresh() ? 'ok' : 'silent'),
    lease: () => (gateway.running()?.lease.held() ? 'ok' : 'lapsed'),
    keys: () => ((gateway.running()?.keys.current().size ?? 0) > 0 ? 'ok' : 'unknown'),
  };
}

export function addHealthRoutes(app: FastifyInstance, paths: KnownPaths, checks: Record<string, Check>, publicUrl: string): void {
  for (const { http } of [healthz, readyz, openapi]) paths.add(http.method, http.path);
  const document = JSON.stringify(openapiDocument(publicUrl, VERSION));
  app.get(healthz.http.path, async (_request, reply) => reply.type('application/json; charset=utf-8').send('{"status":"ok"}'));
  app.get(readyz.http.path, async (_request, reply) => {
    const ready = await readiness(checks);
    return reply
      .code(ready.status === 'ready' ? 200 : 503)
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(ready));
  });
  app.get(openapi.http.path, async (_request, reply) =>
    reply.header('cache-control', openapi.http.cache).type('application/json; charset=utf-8').send(document),
  );
}

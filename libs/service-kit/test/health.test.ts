import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveInternal } from '../src/health.ts';
import { createMetrics } from '../src/metrics.ts';

test('given checks, readiness is the sum of them, and liveness does not depend on them', async () => {
  const state = { feed: 'ok' };
  const metrics = createMetrics('vault');
  const checks = { feed: () => state.feed, hung: async () => (state.feed === 'hung' ? new Promise<string>(() => undefined) : 'ok') };
  const server = await serveInternal({ port: 0, checks, metrics });
  const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get('/readyz'), [200, '{"status":"ready","checks":{"feed":"ok","hung":"ok"},"version":"1.0.0"}']);
  state.feed = 'silent for 3 s';
  assert.equal((await get('/readyz'))[0], 503);
  state.feed = 'hung';
  const [status, text] = await get('/readyz');
  assert.equal(status, 503);
  assert.equal(JSON.parse(text).checks.hung, 'no answer');
  assert.deepEqual(await get('/healthz'), [200, '{"status":"ok"}']);
  assert.equal((await get('/healthz', 'POST'))[0], 405);
  assert.equal((await get('/other'))[0], 404);
  await server.close();
});

test('given metrics under one name with several labels, each appears once', async () => {
  const metrics = createMetrics('vault');
  metrics.counter('letters_total', 'Letters', ['kind'])({ kind: 'a' });
  metrics.counter('letters_total', 'Letters', ['kind'])({ kind: 'a' }, 2);
  metrics.gauge('position', 'Position', () => 5, { projection: 'a' });
  metrics.gauge('position', 'Position', () => 6, { projection: 'b' });
  const text = await metrics.text();
  assert.match(text, /sallyport_letters_total\{kind="a",service="vault"\} 3/);
  assert.match(text, /sallyport_position\{projection="a",service="vault"\} 5/);
  assert.match(text, /sallyport_position\{projection="b",service="vault"\} 6/);
  assert.match(text, /process_resident_memory_bytes/);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { eventually } from '@sallyport/testing/time.ts';
import { fileURLToPath } from 'node:url';

const telemetry = fileURLToPath(new URL('../src/telemetry.ts', import.meta.url));
const shutdown = new URL('../src/shutdown.ts', import.meta.url).href;

async function run(script: string, env: Record<string, string>): Promise<string> {
  const args = ['--import', telemetry, '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return output;
}

const loaded = `import { createRequire } from 'node:module';
  console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('opentelemetry')).length, process.env.OTEL_SERVICE_NAME);`;

test('given no exporter, nothing of OpenTelemetry is loaded', async () => {
  assert.equal(await run(loaded, { SALLYPORT_INSTANCE: 'vault-1' }), '0 undefined\n');
  assert.equal(await run(loaded, { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }), '0 undefined\n');
});

test('given a collector, incoming requests arrive there under the name of the instance, without their query string', async () => {
  const received: string[] = [];
  const collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      received.push(body);
      response.end('{}');
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const address = collector.address();
  assert.ok(address && typeof address === 'object');
  const script = `import { createServer } from 'node:http';
    import { onShutdown } from '${shutdown}';
    const none = () => undefined;
    const closing = onShutdown({ log: { debug: none, info: none, warn: none, error: none } });
    const server = createServer((request, response) => response.end()).listen(0, '127.0.0.1', async () => {
      await (await fetch('http://127.0.0.1:' + server.address().port + '/thing?token=hunter' + 2)).text();
      closing.add('server', () => server.close());
      process.kill(process.pid, 'SIGTERM');
    });`;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${address.port}`, SALLYPORT_INSTANCE: 'vault-1' };
  // An orderly end has half a second for the collector; what a slow machine does not send within it is lost.
  await eventually(async () => {
    await run(script, env);
    assert.match(received.join(''), /\/thing/);
  });
  collector.close();
  const all = received.join('');
  assert.match(all, /"vault-1"/);
  assert.match(all, /\/thing/);
  assert.ok(!all.includes('hunter2'));
});

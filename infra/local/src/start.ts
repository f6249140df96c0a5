/**
 * `npm start`: the platform in the foreground. Says what it does, ends with a banner, ends everything on Ctrl-C
 * within 5 s; a second Ctrl-C does not wait.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onParentEnd } from './parent.ts';
import { AlreadyRunning, type Platform, startPlatform } from './platform.ts';
import { SDK_PORT } from './sdk-port.ts';
import { unknownVariables } from './services.ts';
import { dataDirOf } from './start-options.ts';
import type { SupervisorEvent } from './supervisor.ts';

const LONGEST_END_MS = 4800;

function say(line: string): void {
  console.log(`· ${line}`);
}

function tell(event: SupervisorEvent): void {
  if (event.kind === 'died')
    say(`${event.name} ended (${event.how}); starting it again in ${event.againInMs} ms; its log: ${event.logFile}`);
  else if (event.kind === 'ready') say(event.again ? `${event.name} is ready again` : `${event.name} is ready`);
}

function count(text: string | undefined, name: string): number {
  const value = Number(text ?? '1');
  if (!Number.isInteger(value) || value < 1 || value > 32) throw new Error(`--${name} takes a number from 1 to 32`);
  return value;
}

function banner(platform: Platform, env: NodeJS.ProcessEnv, seconds: number): string {
  const limits =
    env['SALLYPORT_RATE_LIMITS'] === 'off' ? ['  RATE LIMITS ARE OFF (SALLYPORT_RATE_LIMITS=off): for load tests only', ''] : [];
  const key =
    platform.apiKey === undefined ? [`  no operator key in ${join(platform.dataDir, 'env')}; \`npm run reset\` starts afresh`, ''] : [];
  return [
    '',
    `  Sallyport is ready (${seconds.toFixed(1)} s)`,
    '',
    `  address    ${platform.gateways.join('  ')}`,
    `  data       ${platform.dataDir}`,
    `  logs       ${join(platform.dataDir, 'logs')}`,
    ...(platform.loginUrl === undefined ? [] : [`  sign in    ${platform.loginUrl}`]),
    '',
    ...limits,
    ...key,
    '  A first call, in another terminal:',
    '',
    `    . ${join(platform.dataDir, 'env')}`,
    '    curl -sS "$STACK_BASE_URL/v1/agents/register" -H "Authorization: Bearer $STACK_API_KEY" \\',
    `      -H 'Content-Type: application/json' -d '{"name":"first-agent"}'`,
    '',
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const started = performance.now();
  const { values } = parseArgs({ options: { gateways: { type: 'string' }, detectors: { type: 'string' } } });
  const unknown = unknownVariables(process.env);
  if (unknown.length > 0) throw new Error(`unknown variables: ${unknown.join(', ')}`);
  const httpPort = Number(process.env['SALLYPORT_HTTP_PORT'] || '8787');
  if (!Number.isInteger(httpPort) || httpPort < 1 || httpPort > 65_535) throw new Error('SALLYPORT_HTTP_PORT takes a port number');

  const stopping = new AbortController();
  let platform: Platform | undefined;
  let asked = 0;
  const finish = (): void => {
    asked++;
    // What the keeper finds when this process is gone, it ends.
    if (asked > 1) process.exit(1);
    say('stopping');
    setTimeout(() => process.exit(1), LONGEST_END_MS).unref();
    stopping.abort();
    void platform?.stop().then(() => {
      say('stopped');
      process.exit(0);
    });
  };
  process.on('SIGINT', finish);
  process.on('SIGTERM', finish);
  process.on('SIGHUP', finish);
  onParentEnd(finish);

  platform = await startPlatform({
    dataDir: dataDirOf(process.env),
    gateways: count(values.gateways, 'gateways'),
    detectors: count(values.detectors, 'detectors'),
    env: process.env,
    httpPort,
    sdkPort: SDK_PORT,
    signal: stopping.signal,
    say,
    tell,
  });
  if (asked > 0) {
    await platform.stop();
    process.exit(0);
  }
  console.log(banner(platform, process.env, (performance.now() - started) / 1000));
}

try {
  await main();
} catch (error) {
  if (error instanceof AlreadyRunning) {
    console.log(`Sallyport is running already${error.address === undefined ? '' : ` at ${error.address}`} (process ${error.pid}).`);
    process.exit(0);
  }
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

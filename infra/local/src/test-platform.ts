/**
 * One platform for all end-to-end files of a run that only need a platform, with operators of their own in it: two gateways, no rate limits.
 * Guarantees: nothing of the caller's shell reaches it; a process of it that dies once all of it is up, which no test asks for, is told.
 */
import { readFileSync } from 'node:fs';
import { type Platform, startPlatform } from './platform.ts';
import type { SupervisorEvent } from './supervisor.ts';

const LINES = 10;

/** Settings of the caller's own shell must not reach a platform under test. */
export function neutral(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours = /^(SALLYPORT_(?!NATS_SERVER$|NATS_RELEASES$)|STACK_|OTEL_|PUBLIC_URL$|PASSPORT_ISSUER$|DATABASE_URL$|NATS_URL$)/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.test(name)));
}

/** What a test file needs to know of it, in the environment variable `TEST_PLATFORM` as JSON. */
export type SharedPlatform = Pick<Platform, 'gateways' | 'dataDir' | 'natsUrl' | 'postgresUrl'>;

function lastWords({ name, how, logFile }: Extract<SupervisorEvent, { kind: 'died' }>): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LINES);
  return [`${name} of the shared platform ended: ${how}`, ...lines.map((line) => `    | ${line.slice(0, 400)}`)].join('\n');
}

export async function sharedPlatform(
  dataDir: string,
  signal: AbortSignal,
  died: (what: string) => void,
): Promise<{ told: string; stop(): Promise<void> }> {
  // Until then the supervisor starts again what ends, a bounded number of times: that is the start, and it comes or it throws.
  let up = false;
  const platform = await startPlatform({
    dataDir,
    signal,
    gateways: 2,
    env: { ...neutral(process.env), SALLYPORT_RATE_LIMITS: 'off' },
    say: () => undefined,
    tell: (event) => up && event.kind === 'died' && died(lastWords(event)),
  });
  up = true;
  const { gateways, natsUrl, postgresUrl } = platform;
  const shared: SharedPlatform = { gateways, dataDir, natsUrl, postgresUrl };
  return { told: JSON.stringify(shared), stop: platform.stop };
}

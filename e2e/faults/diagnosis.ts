/** What can be seen of a platform at the moment at which a check failed: which process runs since when, what each gateway says of itself, the last lines of all. */
import { join } from 'node:path';
import { lastLines } from '@sallyport/testing/logs.ts';
import type { World } from './world.ts';

const READY_MS = 2_000;

export async function diagnosis(world: World): Promise<string> {
  const gateways = await Promise.all(world.platform.gateways.map(async (url, index) => `  gateway ${index + 1}: ${await readiness(url)}`));
  const running = Object.entries(world.platform.processes()).map(([name, pid]) => `${name} ${pid}`);
  const injected = world.injected.slice(-5).map(({ what, at_ms }) => `${what} ${((Date.now() - at_ms) / 1_000).toFixed(1)} s ago`);
  return [
    `  processes: ${running.join(', ')}`,
    `  injected last: ${injected.join(', ') || 'nothing'}`,
    ...gateways,
    await lastLines(join(world.platform.dataDir, 'logs')),
  ].join('\n');
}

async function readiness(url: string): Promise<string> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_MS) });
    return `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return `no answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}

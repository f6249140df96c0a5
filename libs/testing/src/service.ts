/**
 * One service as a process of its own, with exactly the environment that its test gives it. Beside that it gets
 * only what any program needs (`PATH`, `HOME`) and the cache of compiled code, where the test has one.
 */
import { join } from 'node:path';
import { type Exit, type ProcessSpec, start } from '@sallyport/local/processes.ts';
import { REPOSITORY, type Service, serviceArgs } from '@sallyport/local/services.ts';
import { removeFolder, scratchFolder } from './folders.ts';
import { freePort } from './ports.ts';

export type StartedService = {
  pid: number;
  /** `/healthz`, `/readyz`, `/metrics` */
  internalUrl: string;
  logFile: string;
  /** SIGTERM, and SIGKILL after the grace */
  stop(graceMs?: number): Promise<Exit>;
  /** SIGKILL */
  kill(): Promise<Exit>;
};

/** A machine may be busy; no promise is tested by it. */
const READY_MS = 60_000;

export async function startService(name: Service, env: Record<string, string>): Promise<StartedService> {
  const folder = await scratchFolder(`service-${name}`);
  const port = Number(env['SALLYPORT_INTERNAL_PORT'] ?? (await freePort()));
  const internalUrl = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `${name}.log`);
  const spec: ProcessSpec = {
    name,
    command: process.execPath,
    args: serviceArgs(name),
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      SALLYPORT_SECRETS_DIR: folder,
      SALLYPORT_INSTANCE: name,
      ...env,
      SALLYPORT_INTERNAL_PORT: String(port),
    },
    cwd: REPOSITORY,
    stopSignal: 'SIGTERM',
    logFile,
    ready: async () => {
      const answer = await fetch(`${internalUrl}/readyz`, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200;
    },
  };
  const running = await start(spec, READY_MS);
  const end = async (graceMs: number): Promise<Exit> => {
    const exit = await running.stop(graceMs);
    removeFolder(folder);
    return exit;
  };
  return {
    pid: running.pid,
    internalUrl,
    logFile,
    stop: (graceMs = 5000) => end(graceMs),
    kill: () => {
      process.kill(running.pid, 'SIGKILL');
      return end(0);
    },
  };
}

/**
 * Keeps processes alive. Guarantees: what dies is started again, after 250 ms doubling to 10 s, and from 250 ms
 * again once it was up for 30 s; what is stopped on purpose stays so; the table of names and pids is current.
 * It knows nothing of what the processes do.
 */
import type { ProcessSpec, Running } from './processes.ts';
import { launch, untilReady } from './processes.ts';

export type SupervisorEvent =
  | { kind: 'started'; name: string; pid: number }
  | { kind: 'died'; name: string; how: string; againInMs: number; logFile: string }
  | { kind: 'ready'; name: string; again: boolean };

export type Supervisor = {
  /** Starts and keeps; resolves when it serves for the first time and `afterReady` is done. `afterReady` runs after each start. */
  keep(spec: ProcessSpec, options?: KeepOptions): Promise<void>;
  /** name → pid of what runs now */
  processes(): Record<string, number>;
  /** all that are kept, running or waiting to be started again */
  names(): string[];
  /** SIGKILL, as an outage would; it is then started again */
  kill(name: string): void;
  /** Nothing is started from now on: the first step of an end. */
  close(): void;
  /** Ends the named processes for good, all at once; resolves when they are gone. */
  stop(names: readonly string[], graceMs: number): Promise<void>;
};

type KeepOptions = {
  afterReady?: () => Promise<void>;
  firstReadyMs?: number;
  /** an end before the first readiness is tried again this often; then it is an error */
  firstTries?: number;
};

const SHORTEST_MS = 250;
const LONGEST_MS = 10_000;
const STABLE_MS = 30_000;

type Kept = { spec: ProcessSpec; running: Running | undefined; stopping: boolean; wake: (() => void) | undefined; done: Promise<void> };

export function nextDelay(previousMs: number, upMs: number): number {
  return upMs >= STABLE_MS ? SHORTEST_MS : Math.min(previousMs * 2, LONGEST_MS);
}

export function supervisor(tell: (event: SupervisorEvent) => void): Supervisor {
  const kept = new Map<string, Kept>();
  let closed = false;

  async function ready(entry: Kept, running: Running, options: KeepOptions, again: boolean): Promise<void> {
    await untilReady(entry.spec, running, options.firstReadyMs ?? 60_000);
    await options.afterReady?.();
    if (!entry.stopping) tell({ kind: 'ready', name: entry.spec.name, again });
  }

  function pause(entry: Kept, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      entry.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function run(entry: Kept, options: KeepOptions, first: { resolve: () => void; reject: (error: unknown) => void }): Promise<void> {
    let served = false;
    let delay = SHORTEST_MS / 2;
    for (let tries = 1; !entry.stopping; tries++) {
      const since = performance.now();
      let how = 'could not be started';
      try {
        const running = await launch(entry.spec);
        entry.running = running;
        tell({ kind: 'started', name: entry.spec.name, pid: running.pid });
        if (entry.stopping) void running.stop(0);
        const again = served;
        let gone = false;
        void running.exited.then(() => {
          gone = true;
        });
        const serving = ready(entry, running, options, again).then(
          () => {
            served = true;
            first.resolve();
          },
          // Alive and never ready is an end too: it is killed and started again.
          async (error: unknown) => {
            if (gone) return undefined;
            await running.stop(0);
            return error instanceof Error ? error.message : undefined;
          },
        );
        const exit = await running.exited;
        how = (await serving) ?? exit.signal ?? `code ${exit.code}`;
      } catch (error) {
        how = error instanceof Error ? error.message : how;
      }
      entry.running = undefined;
      if (entry.stopping) break;
      if (!served && tries >= (options.firstTries ?? 5)) {
        entry.stopping = true;
        first.reject(new Error(`${entry.spec.name} ended ${tries} times before it was ready (${how}); its log: ${entry.spec.logFile}`));
        break;
      }
      delay = nextDelay(delay, performance.now() - since);
      tell({ kind: 'died', name: entry.spec.name, how, againInMs: delay, logFile: entry.spec.logFile });
      await pause(entry, delay);
    }
    first.reject(new Error(`${entry.spec.name} was stopped before it was ready`));
  }

  return {
    keep(spec, options = {}) {
      if (closed) return Promise.reject(new Error(`${spec.name} was not started: the supervisor ends`));
      const entry: Kept = { spec, running: undefined, stopping: false, wake: undefined, done: Promise.resolve() };
      kept.set(spec.name, entry);
      return new Promise((resolve, reject) => {
        entry.done = run(entry, options, { resolve, reject });
      });
    },
    processes() {
      const pids: Record<string, number> = {};
      for (const [name, entry] of kept) if (entry.running) pids[name] = entry.running.pid;
      return pids;
    },
    names: () => [...kept.keys()],
    kill(name) {
      const running = kept.get(name)?.running;
      if (!running) throw new Error(`no process ${name} runs`);
      process.kill(running.pid, 'SIGKILL');
    },
    close() {
      closed = true;
    },
    async stop(names, graceMs) {
      await Promise.all(
        names.map(async (name) => {
          const entry = kept.get(name);
          if (!entry) return;
          entry.stopping = true;
          entry.wake?.();
          await entry.running?.stop(graceMs);
          await entry.done;
          kept.delete(name);
        }),
      );
    },
  };
}

/**
 * The ledger's clock: the server's time (`ts` of STREAM.INFO, taken at start, after each reconnection and every 60 s) plus monotonic time
 * since. A later message timestamp moves it forward, nothing moves it back (architecture, "Time"). This machine's wall clock has no say.
 */
import { streamInfo } from './api.ts';
import type { Bus } from './connect.ts';
import { errorFields } from './log.ts';

export interface Clock {
  /** Unix ms. */
  now(): number;
  /** A timestamp that the stream has given out. */
  observe(tsMs: number): void;
  /** This machine's wall clock less the ledger's, in ms; for a metric. */
  skew_ms(): number;
  stop(): void;
}

const RESYNC_MS = 60_000;

export async function createClock(bus: Bus): Promise<Clock> {
  let base = 0;
  let baseAt = performance.now();
  const now = (): number => Math.floor(base + performance.now() - baseAt);
  const observe = (tsMs: number): void => {
    if (tsMs <= now()) return;
    base = tsMs;
    baseAt = performance.now();
  };
  const sync = async (): Promise<void> => observe(Date.parse((await streamInfo(bus)).ts));
  const trySync = (): void => {
    sync().catch((error: unknown) => bus.log.warn(errorFields(error), 'the clock could not be set'));
  };
  await sync();
  const timer = setInterval(trySync, RESYNC_MS);
  timer.unref();
  const status = bus.nc.status()[Symbol.asyncIterator]();
  void (async () => {
    for (let next = await status.next(); !next.done; next = await status.next()) if (next.value.type === 'reconnect') trySync();
  })();
  return {
    now,
    observe,
    skew_ms: () => Date.now() - now(),
    stop: () => {
      clearInterval(timer);
      void status.return?.();
    },
  };
}

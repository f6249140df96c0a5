/**
 * Waiting for a condition instead of for a time. A test that needs "later" asks until a deadline and fails
 * with the last reason; nothing here sleeps for a fixed span and hopes.
 */

export type EventuallyOptions = { timeoutMs?: number; everyMs?: number };

/** Runs `probe` until it neither throws nor answers `false`; answers its value. The deadline's error carries the last reason. */
export async function eventually<T>(probe: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 20_000, everyMs = 25 } = options;
  const deadline = performance.now() + timeoutMs;
  let last: unknown = new Error('the condition stayed false');
  for (;;) {
    try {
      const value = await probe();
      if (value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw last;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Lets everything that is already due run: microtasks, then a few turns of the event loop. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Hands entries to a handler one after the other. Synchronous handlers run at once and cost no promise; a handler that returns one is awaited;
 * one that throws gets the same entry again, later and later, for ever.
 */
import { pause } from './api.ts';
import type { Entry } from './entry.ts';

interface Item {
  entry: Entry | null;
  /** After an entry: where it stood. Alone: work that keeps its place behind the entries before it. */
  then: (seq: number) => void;
}

export interface OrderedQueue {
  push(entry: Entry, then: (seq: number) => void): void;
  run(work: () => void): void;
  /** Drops what waits and resolves when the handler has finished. */
  stop(): Promise<void>;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

export function createOrderedQueue(
  handle: (entry: Entry) => void | Promise<void>,
  onFailure: (error: unknown, entry: Entry) => void,
): OrderedQueue {
  let waiting: Item[] = [];
  let working: Promise<void> | null = null;
  let stopped = false;
  const ending = Promise.withResolvers<void>();

  async function work(first: Item, started: Promise<void> | null): Promise<void> {
    await settle(first, started);
    while (waiting.length > 0 && !stopped) {
      const batch = waiting;
      waiting = [];
      for (const item of batch) {
        if (stopped) return;
        await settle(item, null);
      }
    }
  }

  async function settle(item: Item, started: Promise<void> | null): Promise<void> {
    const { entry } = item;
    if (!entry) {
      item.then(0);
      return;
    }
    for (let wait = FIRST_WAIT_MS, running = started; !stopped; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        await (running ?? handle(entry));
        break;
      } catch (error) {
        onFailure(error, entry);
        running = null;
        await Promise.race([pause(wait), ending.promise]);
      }
    }
    if (!stopped) item.then(entry.seq);
  }

  function begin(item: Item, started: Promise<void> | null): void {
    working = work(item, started).finally(() => {
      working = null;
      const next = waiting.shift();
      if (next && !stopped) begin(next, null);
    });
  }

  return {
    push: (entry, then) => {
      if (stopped) return;
      if (working) {
        waiting.push({ entry, then });
        return;
      }
      try {
        const result = handle(entry);
        if (result) begin({ entry, then }, result);
        else then(entry.seq);
      } catch (error) {
        begin({ entry, then }, Promise.reject(error));
      }
    },
    run: (work) => {
      if (stopped) return;
      if (working) waiting.push({ entry: null, then: work });
      else work();
    },
    stop: async () => {
      stopped = true;
      ending.resolve();
      waiting = [];
      await working;
    },
  };
}

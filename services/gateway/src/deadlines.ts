/**
 * Deadlines of one length, without a timer per call: they expire in the order in which they began, seen to by one shared tick while any is
 * open. Late by at most one tick.
 */
export interface Deadline {
  clear(): void;
}

export interface Deadlines {
  begin(onExpired: () => void): Deadline;
  /** Open ones. */
  size(): number;
}

interface Waiting extends Deadline {
  at: number;
  onExpired: (() => void) | null;
}

export function createDeadlines(afterMs: number, tickMs: number): Deadlines {
  let queue: Waiting[] = [];
  let head = 0;
  let open = 0;
  let timer: NodeJS.Timeout | null = null;

  function tick(): void {
    const now = performance.now();
    for (let next = queue[head]; next && (next.onExpired === null || next.at <= now); next = queue[head]) {
      head++;
      const expired = next.onExpired;
      if (!expired) continue;
      next.onExpired = null;
      open--;
      expired();
    }
    if (head > 1024 || head === queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    if (queue.length > 0 || !timer) return;
    clearInterval(timer);
    timer = null;
  }

  return {
    begin: (onExpired) => {
      const waiting: Waiting = {
        at: performance.now() + afterMs,
        onExpired,
        clear: () => {
          if (waiting.onExpired === null) return;
          waiting.onExpired = null;
          open--;
        },
      };
      queue.push(waiting);
      open++;
      timer ??= setInterval(tick, tickMs);
      return waiting;
    },
    size: () => open,
  };
}

/**
 * What is forgotten by age, a generation at a time: what is older than `keepMs` of stream time is dropped whole, never searched for. Remembers at least
 * `keepMs`, and up to a third more.
 */
export interface Generations<T> {
  /** The generation to write into at this stream time and log sequence; neither falls. */
  newest(tsMs: number, seq: number): T;
  /** From the newest to the oldest. */
  all(): readonly T[];
  /** Last sequence that was written into a generation that is gone; 0 while none is. */
  dropped(): number;
}

const PARTS = 4;

export function createGenerations<T>(keepMs: number, make: () => T): Generations<T> {
  const span = keepMs / (PARTS - 1);
  let parts: { of: T; last_seq: number }[] = [{ of: make(), last_seq: 0 }];
  let all: T[] = parts.map(({ of }) => of);
  let openedAt = 0;
  let dropped = 0;

  function turn(tsMs: number): void {
    const steps = openedAt === 0 ? 0 : Math.min(PARTS, Math.floor((tsMs - openedAt) / span));
    for (let i = 0; i < steps; i++) parts.unshift({ of: make(), last_seq: 0 });
    for (const gone of parts.splice(PARTS)) dropped = Math.max(dropped, gone.last_seq);
    all = parts.map(({ of }) => of);
    openedAt = tsMs;
  }
  return {
    newest: (tsMs, seq) => {
      if (openedAt === 0 || tsMs - openedAt >= span) turn(tsMs);
      const [first] = parts;
      if (!first) throw new Error('there is always a generation');
      first.last_seq = seq;
      return first.of;
    },
    all: () => all,
    dropped: () => dropped,
  };
}

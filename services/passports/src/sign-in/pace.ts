/** Counts of this process alone: how often a device polls, and how often somebody guesses a user code. Bounded; time comes from the caller. */
const MAX_KEPT = 10_000;

export interface Pace {
  /** False: it polls too fast, and has to wait five seconds longer from now on (RFC 8628 §3.5). */
  mayPoll(device: string, intervalSeconds: number, nowMs: number): boolean;
  /** False: too many wrong codes lately. */
  mayGuess(who: string, nowMs: number): boolean;
  wrongGuess(who: string, nowMs: number): void;
  /** False: this address was written to too often lately. */
  mayMail(address: string, nowMs: number): boolean;
}

const SLOWER_SECONDS = 5;
const WINDOW_MS = 15 * 60_000;
const MAX_GUESSES = 10;
const MAX_MAILS = 5;

export function createPace(): Pace {
  const polls = new Map<string, { at: number; extra: number }>();
  const guesses = new Map<string, number[]>();
  const mails = new Map<string, number[]>();

  function lately(kept: Map<string, number[]>, key: string, nowMs: number): number[] {
    const times = (kept.get(key) ?? []).filter((at) => at > nowMs - WINDOW_MS);
    keep(kept, key, times);
    return times;
  }

  return {
    mayPoll: (device, intervalSeconds, nowMs) => {
      const known = polls.get(device);
      // A poll on time arrives a little early when the one before it was slow on its way.
      const early = known !== undefined && nowMs < known.at + (intervalSeconds + known.extra) * 1000 - 500;
      keep(polls, device, { at: nowMs, extra: (known?.extra ?? 0) + (early ? SLOWER_SECONDS : 0) });
      return !early;
    },
    mayGuess: (who, nowMs) => lately(guesses, who, nowMs).length < MAX_GUESSES,
    wrongGuess: (who, nowMs) => void lately(guesses, who, nowMs).push(nowMs),
    mayMail: (address, nowMs) => {
      const times = lately(mails, address, nowMs);
      if (times.length >= MAX_MAILS) return false;
      times.push(nowMs);
      return true;
    },
  };
}

function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key);
  kept.set(key, value);
  for (const oldest of kept.size > MAX_KEPT ? kept.keys().take(1) : []) kept.delete(oldest);
}

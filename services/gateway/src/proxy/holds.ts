/**
 * Passports whose last call was refused in a way that revokes them (api.md §8.2): their next calls wait here until the revocation is read,
 * 500 ms each, and get no further without it.
 */
import type { Hash } from '@sallyport/admission/entry.ts';
import { createDeadlines } from '../deadlines.ts';
import type { Feed } from '../log/feed.ts';

export interface Holds {
  hold(jti: string, targets: readonly Hash[], expiresAtMs: number): void;
  isHeld(jti: string): boolean;
  /** True when the revocation was read in time. */
  wait(jti: string): Promise<boolean>;
}

interface Hold {
  targets: readonly Hash[];
  expires_at_ms: number;
  waiting: Set<() => void>;
}

const HOLD_MS = 500;
const MAX_HOLDS = 50_000;

export function createHolds(feed: Feed, now: () => number): Holds {
  const holds = new Map<string, Hold>();
  const deadlines = createDeadlines(HOLD_MS, 10);

  feed.onFence(({ effect, targets }) => {
    if (effect === 'narrowed') return;
    for (const [jti, hold] of holds) {
      if (!targets.some((target) => hold.targets.includes(target))) continue;
      holds.delete(jti);
      for (const wake of hold.waiting) wake();
    }
  });

  function makeRoom(): void {
    const at = now();
    for (const [jti, hold] of holds) if (hold.expires_at_ms <= at && hold.waiting.size === 0) holds.delete(jti);
  }

  return {
    hold: (jti, targets, expiresAtMs) => {
      if (holds.has(jti)) return;
      if (holds.size >= MAX_HOLDS) makeRoom();
      holds.set(jti, { targets, expires_at_ms: expiresAtMs, waiting: new Set() });
    },
    isHeld: (jti) => holds.has(jti),
    wait: (jti) =>
      new Promise((resolve) => {
        const hold = holds.get(jti);
        if (!hold) return resolve(true);
        const deadline = deadlines.begin(() => {
          hold.waiting.delete(wake);
          resolve(false);
        });
        const wake = (): void => {
          deadline.clear();
          resolve(true);
        };
        hold.waiting.add(wake);
      }),
  };
}

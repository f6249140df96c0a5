/**
 * Calls that went upstream and have no answer yet. A revocation of any of their targets cuts them in the turn in which it is read; silence of the log, in
 * which a revocation could not be read, cuts them all.
 */
import type { Hash } from '@sallyport/admission/entry.ts';
import { type Feed, STALE_MS } from '../log/feed.ts';

/** `stale`: whether the passport still lives could not be known any more. */
export type CutCause = 'revoked' | 'stale';

export interface InFlight {
  add(targets: readonly Hash[], cut: (cause: CutCause) => void): () => void;
  /** Cuts every call of one operator; for a revocation that the log could not take yet. */
  cutOperator(operator: Hash): void;
  size(): number;
  /** Cuts what is left: nobody reads revocations for it any more. */
  stop(): void;
}

interface Flight {
  targets: readonly Hash[];
  cut: (cause: CutCause) => void;
}

const TICK_MS = 100;
/** A tick that comes later than this tells of this process, not of the log: what it has not read yet may wait in the socket. */
const BUSY_MS = 50;

export function createInFlight(feed: Pick<Feed, 'onFence' | 'silence_ms'>): InFlight {
  const flights = new Set<Flight>();

  function cutAll(cause: CutCause, hit: (targets: readonly Hash[]) => boolean): void {
    for (const flight of flights) {
      if (!hit(flight.targets)) continue;
      flights.delete(flight);
      flight.cut(cause);
    }
  }

  feed.onFence(({ effect, targets }) => {
    if (effect === 'revoked' && flights.size > 0) cutAll('revoked', (own) => targets.some((target) => own.includes(target)));
  });

  let lastTick = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    const late = now - lastTick - TICK_MS;
    lastTick = now;
    if (flights.size > 0 && late <= BUSY_MS && feed.silence_ms() >= STALE_MS) cutAll('stale', () => true);
  }, TICK_MS);

  return {
    add: (targets, cut) => {
      const flight = { targets, cut };
      flights.add(flight);
      return () => flights.delete(flight);
    },
    cutOperator: (operator) => cutAll('revoked', (own) => own.includes(operator)),
    size: () => flights.size,
    stop: () => {
      clearInterval(watch);
      cutAll('stale', () => true);
    },
  };
}

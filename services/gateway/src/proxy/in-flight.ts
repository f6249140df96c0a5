/** Calls that went upstream and have no answer yet. A revocation of any of their targets cuts them in the turn in which it is read. */
import type { Hash } from '@sallyport/admission/entry.ts';
import type { Feed } from '../log/feed.ts';

export interface InFlight {
  add(targets: readonly Hash[], cut: () => void): () => void;
  /** Cuts every call of one operator; for a revocation that the log could not take yet. */
  cutOperator(operator: Hash): void;
  size(): number;
}

interface Flight {
  targets: readonly Hash[];
  cut: () => void;
}

export function createInFlight(feed: Feed): InFlight {
  const flights = new Set<Flight>();

  function cutAll(hit: (targets: readonly Hash[]) => boolean): void {
    for (const flight of flights) {
      if (!hit(flight.targets)) continue;
      flights.delete(flight);
      flight.cut();
    }
  }

  feed.onFence(({ effect, targets }) => {
    if (effect === 'revoked' && flights.size > 0) cutAll((own) => targets.some((target) => own.includes(target)));
  });

  return {
    add: (targets, cut) => {
      const flight = { targets, cut };
      flights.add(flight);
      return () => flights.delete(flight);
    },
    cutOperator: (operator) => cutAll((own) => own.includes(operator)),
    size: () => flights.size,
  };
}

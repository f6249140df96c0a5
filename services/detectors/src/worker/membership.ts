/** Which workers live (detectors.md §1.8): each holds one lease, renewed every 1.5 s, judged dead after 5 s by the stream's clock. */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { createLease, liveHolders } from '@sallyport/bus/leases.ts';

export interface Membership {
  /** False: others may believe that we are gone. */
  held(): boolean;
  joined: Promise<void>;
  /** Everyone alive, ourselves included. */
  live(): Promise<string[]>;
  stop(): Promise<void>;
}

const RENEW_MS = 1_500;
const LAPSE_MS = 5_000;
const PREFIX = 'detectors.worker';

export function joinWorkers(bus: Bus, clock: Clock, worker: string): Membership {
  const lease = createLease(bus, { key: `${PREFIX}.${worker}`, holder: worker, renew_ms: RENEW_MS, lapse_ms: LAPSE_MS });
  return {
    held: lease.held,
    joined: lease.taken,
    live: async () => {
      const holders = await liveHolders(bus, PREFIX);
      const others = holders.filter(({ renewed_at_ms }) => clock.now() - renewed_at_ms < LAPSE_MS).map(({ holder }) => holder);
      return [...new Set([worker, ...others])].sort();
    },
    stop: lease.stop,
  };
}

/**
 * Which partitions this process follows. Live processes share them evenly by their order; a lease per partition, not the sharing, keeps a second one out,
 * and the fencing number that comes with it makes what a paused holder still tries to write fail.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { createLease, type Lease, liveHolders } from '@sallyport/bus/leases.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PARTITIONS } from '@sallyport/bus/subjects.ts';
import type { Kysely } from 'kysely';
import { takeFence } from './cursors.ts';
import type { LibraryTables } from './tables.ts';

export interface Holdings {
  /** Partition → fencing number, of leases held right now. */
  held(): Map<number, number>;
  holds(partition: number, fence: number): boolean;
  /** Resolves when every partition that is this process's share is held, or the time is over. */
  gathered(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface HoldingOptions {
  bus: Bus;
  db: Kysely<LibraryTables>;
  name: string;
  /** This process, stable over restarts: it takes its own leases back at once. */
  holder: string;
}

const SHARE_MS = 2_000;

/** The share of one of `holders` (any order), by its place among them. Pure. */
export function shareOf(holders: readonly string[], me: string): number[] {
  const sorted = [...new Set([...holders, me])].sort();
  const place = sorted.indexOf(me);
  return Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) => partition % sorted.length === place);
}

export function holdPartitions({ bus, db, name, holder }: HoldingOptions): Holdings {
  const members = `${bus.user}.members.${name}`;
  const membership = createLease(bus, { key: `${members}.${holder}`, holder });
  const leases = new Map<number, Lease>();
  const first = Promise.withResolvers<void>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function share(): Promise<void> {
    const others = (await liveHolders(bus, members)).map((member) => member.holder);
    if (stopped) return;
    const mine = shareOf(others, holder);
    for (const [partition, lease] of leases) {
      if (mine.includes(partition)) continue;
      leases.delete(partition);
      await lease.stop();
    }
    for (const partition of mine) {
      if (leases.has(partition) || stopped) continue;
      const key = `${bus.user}.partitions.${name}.${partition}`;
      leases.set(partition, createLease(bus, { key, holder, takeFence: () => takeFence(db, key) }));
    }
    first.resolve();
  }

  let sharing = Promise.resolve();
  const loop = (): void => {
    sharing = share()
      .catch((error: unknown) => bus.log.warn({ projection: name, ...errorFields(error) }, 'the sharing of partitions is not known'))
      .finally(() => {
        if (!stopped) timer = setTimeout(loop, SHARE_MS);
      });
  };
  void membership.taken.then(() => {
    if (!stopped) loop();
  });

  return {
    held: () =>
      new Map([...leases].filter(([, lease]) => lease.held() && lease.fence() > 0).map(([partition, lease]) => [partition, lease.fence()])),
    holds: (partition, fence) => leases.get(partition)?.fence() === fence,
    gathered: async (timeoutMs) => {
      const late = Promise.withResolvers<void>();
      const wait = setTimeout(late.resolve, timeoutMs);
      await Promise.race([late.promise, first.promise.then(() => Promise.all([...leases.values()].map((lease) => lease.taken)))]);
      clearTimeout(wait);
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await sharing;
      clearTimeout(timer);
      await Promise.all([membership, ...leases.values()].map((lease) => lease.stop()));
    },
  };
}

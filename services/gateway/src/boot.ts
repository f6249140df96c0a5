/**
 * One start of a gateway: a boot id, a key that secrets are sealed to, a lease, a place in the log (architecture, "Leases and the sweeper"). Whose
 * lease lapsed forwards nothing more; `main.ts` then makes a new start.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { createGroupCommit } from '@sallyport/bus/group-commit.ts';
import { createLease, type Lease } from '@sallyport/bus/leases.ts';
import { streamInfo } from '@sallyport/bus/api.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { gatewayStarted } from '@sallyport/contracts/facts/calls.ts';
import { generateSealKey, type SealPrivateJwk } from '@sallyport/seal/sealed.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import { type AdmissionWindow, type Feed, openFeed, WINDOW_MS } from './log/feed.ts';
import { createRecords, type Records } from './log/records.ts';
import { windowStart } from '@sallyport/bus/window.ts';

export interface Boot {
  id: string;
  privateKey: SealPrivateJwk;
  feed: Feed;
  records: Records;
  /** Once lapsed it stays so: a boot never comes back. */
  lease: Pick<Lease, 'held'> & { lapsed(): boolean };
  stop(): Promise<void>;
}

export interface BootDeps {
  bus: Bus;
  clock: Clock;
  log: Log;
  instance: string;
  /** For tests of a gateway that is older than its window. */
  window?: AdmissionWindow;
}

const CATCH_UP_MS = 30_000;
const TRIES = 20;

/** Resolves when the window was read and the own first entry was read back. */
export async function startBoot(deps: BootDeps): Promise<Boot> {
  const { bus, clock, log, instance, window = { window_ms: WINDOW_MS } } = deps;
  const id = newId('boot', clock.now());
  const { public_jwk, private_jwk } = generateSealKey();
  const { last_seq } = (await streamInfo(bus)).state;
  const windowBegan = clock.now() - window.window_ms;
  const start_seq = await windowStart(bus, last_seq, windowBegan);
  const since_ms = start_seq === 1 ? 0 : windowBegan;
  const onReopen = (cause: string): void => log.warn({ cause, boot_id: id }, 'the log is followed anew');
  const feed = openFeed({ bus, clock, boot: id, start_seq, since_ms, caught_up_at: last_seq, onReopen, window });
  const commit = createGroupCommit(bus, { boot: id });
  const records = createRecords({ commit, feed, clock, boot: id });
  const held = createLease(bus, { key: `gateway.boot.${id}`, holder: id });
  const lease = latched(held);
  const stop = async (): Promise<void> => {
    records.stop();
    await held.stop();
    await feed.stop();
  };
  try {
    await within(CATCH_UP_MS, held.taken, 'the lease was not taken');
    await until(CATCH_UP_MS, () => feed.fresh(), 'the log was not read');
    await announce();
  } catch (error) {
    await stop();
    throw error;
  }
  log.info({ boot_id: id, position: feed.position(), from: start_seq }, 'boot started');
  return { id, privateKey: private_jwk, feed, records, lease, stop };

  /** The first entry of this boot: vault seals to the key in it. */
  async function announce(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const now = clock.now();
      const fact = {
        id: newId('event', now),
        type: gatewayStarted.type,
        v: gatewayStarted.v,
        at: now,
        operator_id: PLATFORM,
        actor: { type: 'service', id: 'gateway' } as const,
        data: { boot_id: id, instance, seal_key: { ...public_jwk } },
      };
      const { promise, resolve } = Promise.withResolvers<boolean>();
      records.readBack(fact, { kind: 'boot_started' }, (own) => resolve(own !== null));
      if (await promise) return;
    }
    throw new Error('the first entry of this start was not read back');
  }
}

function latched(lease: Lease): Boot['lease'] {
  let taken = false;
  let lapsed = false;
  lease.taken.then(
    () => {
      taken = true;
    },
    () => undefined,
  );
  const held = (): boolean => {
    if (lapsed) return false;
    const now = lease.held();
    if (taken && !now) lapsed = true;
    return now;
  };
  return { held, lapsed: () => !held() && lapsed };
}

async function until(ms: number, condition: () => boolean, problem: string): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(problem);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function within(ms: number, promise: Promise<void>, problem: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(problem)), ms);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

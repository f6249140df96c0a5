/**
 * Closes what lost gateways left open (api.md §8.6): the gateway that holds SWEEP waits 75 s from a boot's last renewal that it saw, or from its own first
 * look, before it calls a boot without a lease dead, writes `boot.closed` into every partition, and then closes that boot's open attempts by the verdict that `admit` gave them. Writing twice
 * harms nothing: the first closing in the log counts.
 *
 * Finds boots in its own window and, by their open attempts, in the whole log.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { pause, readLedger, parseFacts } from '@sallyport/bus/api.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { LEASE_LAPSE_MS } from '@sallyport/bus/admin.ts';
import { createLease, liveHolders } from '@sallyport/bus/leases.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PARTITIONS, parseSubject, PLATFORM } from '@sallyport/bus/subjects.ts';
import { bootClosed } from '@sallyport/contracts/facts/calls.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Boot } from './boot.ts';
import { closingOf } from './sweeper/closing.ts';
import { askOpenAttempts, type LostAttempt, ownOpenAttempts } from './sweeper/open-attempts.ts';

const LOOK_MS = 2_000;
/** A boot's closing is written and read in this time, or the next look goes on. */
const READ_MS = 1_000;
const READ_EVERY_MS = 20;
/** Closings that are written at once: they share the messages of the log. */
const AT_ONCE = 20;
/** The lease (15 s) and then 60 s. */
const DEAD_AFTER_MS = 75_000;
const PREFIX = 'gateway.boot';
const ALL_PARTITIONS = Array.from({ length: PARTITIONS }, (_, partition) => partition);

export interface Sweeper {
  stop(): Promise<void>;
}

export function startSweeper(deps: { bus: Bus; clock: Clock; log: Log; boot: Boot; look_ms?: number; dead_after_ms?: number }): Sweeper {
  const { bus, clock, log, boot, look_ms = LOOK_MS, dead_after_ms = DEAD_AFTER_MS } = deps;
  const { feed, records } = boot;
  const lease = createLease(bus, { key: 'gateway.sweep', holder: boot.id });
  const silentSince = new Map<string, number>();
  /** Boots that were closed and had nothing open. */
  const done = new Set<string>();
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    if (!boot.lease.held() || !feed.fresh()) return;
    // Who did not look for a while may have missed renewals, and an empty bucket would then say nothing.
    if (performance.now() - lookedAt > LEASE_LAPSE_MS) silentSince.clear();
    const holders = await liveHolders(bus, PREFIX);
    lookedAt = performance.now();
    const live = new Set(holders.map(({ key }) => key.slice(PREFIX.length + 1)));
    live.add(boot.id);
    // Every gateway counts, from each boot's last renewal, so that the next holder of SWEEP need not begin anew.
    for (const { key, renewed_at_ms } of holders)
      silentSince.set(key.slice(PREFIX.length + 1), lookedAt - Math.max(0, clock.now() - renewed_at_ms));
    for (const id of feed.boots()) if (!done.has(id) && !silentSince.has(id)) silentSince.set(id, lookedAt);
    if (!lease.held()) return;
    const liveHashes = new Set([...live].map(bootHash));
    const lost = ((await askOpenAttempts({ bus, feed, log }, null)) ?? []).filter((attempt) => !liveHashes.has(attempt.boot));
    for (const attempt of lost) {
      const id = await bootOf(attempt);
      if (id === null) continue;
      // What lands of a boot after its closing was called dead is refused by the log: nobody needs to wait for it once more.
      if (done.delete(id)) silentSince.set(id, Number.NEGATIVE_INFINITY);
      else if (!silentSince.has(id)) silentSince.set(id, lookedAt);
    }
    for (const [id, since] of silentSince) {
      if (live.has(id) || performance.now() - since < dead_after_ms || !(await sweep(id))) continue;
      silentSince.delete(id);
      done.add(id);
    }
  }

  const names = new Map<string, string>();
  async function bootOf({ boot: hash, seq }: LostAttempt): Promise<string | null> {
    const known = names.get(hash);
    if (known !== undefined) return known;
    const subject = parseSubject((await readLedger(bus, { seq }))?.subject ?? '');
    if (subject?.type !== 'calls') return null;
    names.set(hash, subject.boot);
    return subject.boot;
  }

  /** True when nothing of this boot is open any more. */
  async function sweep(id: string): Promise<boolean> {
    const hash = bootHash(id);
    const missing = ALL_PARTITIONS.filter((partition) => !feed.admission.bootClosed(hash, partition));
    const isClosed = (): boolean => missing.every((partition) => feed.admission.bootClosed(hash, partition));
    if (missing.length > 0) {
      const at = clock.now();
      const actor = { type: 'service', id: 'gateway' } as const;
      const fact = { at, operator_id: PLATFORM, actor, type: bootClosed.type, v: bootClosed.v, data: { boot_id: id } };
      const entry = { kind: 'boot_closed', boot: hash } as const;
      const write = (partition: number): Promise<boolean> =>
        records.write({ id: newId('event', at), ...fact }, entry, { keep_trying: false, partition });
      await Promise.all(missing.map(write));
      for (const end = performance.now() + READ_MS; !isClosed() && performance.now() < end; ) await pause(READ_EVERY_MS);
    }
    // Only after the closing of the boot was read is the list of its open attempts complete.
    if (!isClosed()) return false;
    const asked = await askOpenAttempts({ bus, feed, log }, hash);
    const attempts = asked ?? ownOpenAttempts(feed, hash);
    for (let from = 0; from < attempts.length; from += AT_ONCE) await Promise.all(attempts.slice(from, from + AT_ONCE).map(close));
    return asked !== null ? asked.length === 0 : feed.admission.open(hash).length === 0;
  }

  async function close({ id, seq, index, reason }: LostAttempt): Promise<void> {
    const message = await readLedger(bus, { seq });
    const opened = message ? parseFacts(message.data)[index] : undefined;
    const at = clock.now();
    const made = opened && closingOf(opened, reason, { id: newId('event', at), at });
    if (!made) return log.error({ seq }, 'an open attempt cannot be read');
    const entry = { kind: 'closing', attempt: id, sent: reason === null, outcome: reason === null ? 'unknown' : 'denied' } as const;
    await records.write(made, entry, { keep_trying: false });
    log.warn({ outcome: entry.outcome, seq }, 'a call of a lost gateway was closed');
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch((error: unknown) => log.warn(errorFields(error), 'the sweep failed'))
      .finally(() => {
        looking = null;
      });
  }, look_ms);
  timer.unref();

  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      await lease.stop();
    },
  };
}

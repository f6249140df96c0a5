/**
 * The worker (detectors.md §1.8): one live follower of the whole ledger, the partitions that rendezvous hashing gives it, and a second follower for
 * those it has just taken over, until they meet the live one. Guarantees that a partition's facts are stepped in order and without gap by its owner;
 * two owners at once, after a pause, are harmless.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@sallyport/bus/clock.ts';
import type { Bus } from '@sallyport/bus/connect.ts';
import { type Entry, type Follower, follow } from '@sallyport/bus/follow.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import { errorFields, type Log } from '@sallyport/bus/log.ts';
import { PARTITIONS } from '@sallyport/features/partition.ts';
import type { PartitionFlush, PartitionStore, TakenPartition } from '../db/partitions.ts';
import type { AnyDetector } from '../framework/detector.ts';
import type { KeyState } from '../framework/host.ts';
import { ownedBy } from '../framework/rendezvous.ts';
import type { Signals } from '../signals.ts';
import { joinWorkers } from './membership.ts';
import { dropDead, newPartition, type OwnedPartition } from './partition.ts';
import { type Answering, answerQuestions } from './questions.ts';
import { stepEntry } from './stepping.ts';
import { createSignalWriter } from './write-signals.ts';

export interface WorkerDeps {
  bus: Bus;
  clock: Clock;
  ledger: Ledger;
  store: PartitionStore;
  detectors: readonly AnyDetector[];
  signals: Signals;
  log: Log;
  /** Of the process; the worker's own name adds random characters, so that a restart is another worker. */
  instance: string;
}

export interface Worker {
  /** Partitions that are stepped live. */
  owned(): number[];
  check(): string;
  stop(): Promise<void>;
}

const LOOK_MS = 500;
const FLUSH_MS = 1_000;
/** Cursors of partitions without news move this often. */
const IDLE_FLUSH_MS = 5_000;
const FLUSH_FACTS = 500;
/** A live owner that does not give up what is not its share is passed over after this. */
const FORCE_MS = 3_000;
const SILENT_MS = 5_000;
const REPEAT_EVERY_MS = 10_000;

export async function startWorker(deps: WorkerDeps): Promise<Worker> {
  const { bus, clock, ledger, store, detectors, signals, log } = deps;
  const me = `${deps.instance.slice(0, 40)}-${randomBytes(6).toString('hex')}`;
  const membership = joinWorkers(bus, clock, me);
  const writer = createSignalWriter({ bus, clock, ledger, signals });
  const stepping = { detectors, writer, signals };
  const owned = new Map<number, OwnedPartition>();
  const questions = new Map<number, Answering>();
  const wantedSince = new Map<number, number>();
  /** Signal id → when its last repeat was told, by the monotonic clock. */
  const toldAt = new Map<string, number>();
  const catching = new Set<Follower>();
  let stopped = false;
  let flushedAt = performance.now();

  /** The highest sequence that the live follower has begun: what is at or below it, a partition that is not ready has missed. */
  let begun = await ledger.streamLast();
  const live = follow(bus, {
    name: 'worker',
    filters: ['ledger.>'],
    start_seq: begun + 1,
    clock,
    on_message: async (entry: Entry) => {
      begun = entry.seq;
      await stepEntry(stepping, owned, (partition) => partition.ready, entry);
      let dirty = 0;
      for (const partition of owned.values()) {
        if (partition.ready) partition.cursor = Math.max(partition.cursor, entry.seq);
        dirty += partition.dirty.size;
      }
      if (dirty >= FLUSH_FACTS) await flush();
    },
  });

  /** Up to where this partition was stepped, signals written. */
  function passed(partition: OwnedPartition): number {
    return partition.ready ? Math.max(partition.cursor, live.position()) : partition.cursor;
  }

  function becomeReady(partition: OwnedPartition): void {
    partition.ready = true;
    // Signals of the owner before us stand at or below what the live follower has begun.
    partition.last_signal_seq = Math.max(partition.last_signal_seq, begun);
    questions.set(
      partition.partition,
      answerQuestions(
        bus,
        partition,
        () => passed(partition),
        () => owned.get(partition.partition) === partition,
      ),
    );
  }

  /** Steps what the new partitions missed, from their cursors on, until everything that the live follower had begun is behind. */
  function catchUp(partitions: readonly OwnedPartition[]): void {
    const waiting = new Set(partitions);
    const meet = (position: number): void => {
      for (const partition of waiting) {
        if (owned.get(partition.partition) !== partition) waiting.delete(partition);
        else if (Math.max(position, partition.cursor) >= begun) {
          waiting.delete(partition);
          partition.cursor = Math.max(position, partition.cursor);
          becomeReady(partition);
        }
      }
    };
    meet(0);
    if (waiting.size === 0) return;
    let done = false;
    const end = (): void => {
      if (done || (waiting.size > 0 && !stopped)) return;
      done = true;
      catching.delete(follower);
      void follower.stop();
    };
    const follower = follow(bus, {
      name: 'catch_up',
      filters: ['ledger.>'],
      start_seq: Math.min(...partitions.map(({ cursor }) => cursor)) + 1,
      on_message: async (entry) => {
        await stepEntry(stepping, owned, (partition) => waiting.has(partition), entry);
        for (const partition of waiting) partition.cursor = Math.max(partition.cursor, entry.seq);
        meet(entry.seq);
        end();
      },
      on_beat: (position) => {
        meet(position);
        end();
      },
    });
    catching.add(follower);
  }

  function forget(partition: number): void {
    owned.delete(partition);
    questions.get(partition)?.stop();
    questions.delete(partition);
  }

  async function take(live: readonly string[], wanted: readonly number[]): Promise<void> {
    const missing = wanted.filter((partition) => !owned.has(partition));
    for (const partition of wantedSince.keys()) if (!missing.includes(partition)) wantedSince.delete(partition);
    for (const partition of missing) if (!wantedSince.has(partition)) wantedSince.set(partition, performance.now());
    const overdue = missing.filter((partition) => performance.now() - (wantedSince.get(partition) ?? 0) > FORCE_MS);
    const taken = [...(await store.take(missing, me, live, false))];
    const late = overdue.filter((partition) => !taken.some((one) => one.partition === partition));
    taken.push(...(await store.take(late, me, live, true)));
    if (taken.length === 0) return;
    const fresh = await Promise.all(taken.map(loadPartition));
    for (const partition of fresh) owned.set(partition.partition, partition);
    signals.took(fresh.length);
    catchUp(fresh);
  }

  async function loadPartition(taken: TakenPartition): Promise<OwnedPartition> {
    const stored = await store.load(taken.partition);
    // Written by this program; a state of another version of a detector is kept under that version's name and left alone.
    return newPartition(taken, new Map([...stored].map(([key, text]) => [key, JSON.parse(text) as KeyState])));
  }

  async function release(partitions: readonly OwnedPartition[], cause: string): Promise<void> {
    if (partitions.length === 0) return;
    // No longer stepped from here on; what is being stepped this moment is not kept, and the next owner does it again.
    for (const { partition } of partitions) forget(partition);
    const flushes = partitions.map(flushOf);
    await store.flush(me, flushes);
    await store.giveUp(me, flushes);
    signals.lost(partitions.length, cause);
  }

  function flushOf(partition: OwnedPartition): PartitionFlush {
    const { fence, cursor } = partition;
    const changed = [...partition.dirty].flatMap((key) => {
      const state = partition.keys.get(key);
      return state ? [{ key, state: JSON.stringify(state), last_seq: state.last_pos.seq }] : [];
    });
    return { partition: partition.partition, fence, cursor, changed, dropped: [...partition.dropped] };
  }

  async function flush(): Promise<void> {
    const idle = performance.now() - flushedAt > IDLE_FLUSH_MS;
    const due = [...owned.values()].filter(({ dirty, dropped }) => idle || dirty.size > 0 || dropped.size > 0);
    if (due.length === 0) return;
    if (idle) flushedAt = performance.now();
    const flushes = due.map(flushOf);
    const before = due.map(({ dirty, dropped }) => ({ dirty: [...dirty], dropped: [...dropped] }));
    for (const { dirty, dropped } of due) {
      dirty.clear();
      dropped.clear();
    }
    try {
      const lost = await store.flush(me, flushes);
      for (const partition of lost) forget(partition);
      if (lost.length > 0) signals.lost(lost.length, 'fenced');
    } catch (error) {
      for (const [index, partition] of due.entries()) {
        for (const key of before[index]?.dirty ?? []) partition.dirty.add(key);
        for (const key of before[index]?.dropped ?? []) if (!partition.keys.has(key)) partition.dropped.add(key);
      }
      log.warn(errorFields(error), 'detector state could not be written');
    }
  }

  /** At most one fact per signal in ten seconds, and the last count always comes out. */
  async function tellRepeats(): Promise<void> {
    const now = performance.now();
    for (const [id, at] of toldAt) if (now - at >= REPEAT_EVERY_MS) toldAt.delete(id);
    for (const partition of owned.values()) {
      for (const [id, repeated] of partition.ready ? partition.untold : []) {
        if (toldAt.has(id)) continue;
        toldAt.set(id, now);
        partition.untold.delete(id);
        await writer.repeat(repeated, () => owned.get(partition.partition) === partition);
      }
      dropDead(partition, clock.now());
    }
  }

  async function look(): Promise<void> {
    if (!membership.held()) {
      // Others may have taken over: what we would write is fenced off, so nothing is written.
      const count = owned.size;
      for (const partition of [...owned.keys()]) forget(partition);
      if (count > 0) signals.lost(count, 'lease lapsed');
      return;
    }
    const workers = await membership.live();
    const share = ownedBy(me, workers, PARTITIONS);
    await release(
      [...owned.values()].filter(({ partition }) => !share.includes(partition)),
      'another worker came',
    );
    await take(workers, share);
  }

  const looking = repeat(LOOK_MS, look, log);
  const flushing = repeat(
    FLUSH_MS,
    async () => {
      await tellRepeats();
      await flush();
    },
    log,
  );
  await live.opened;

  return {
    owned: () => [...owned.values()].filter(({ ready }) => ready).map(({ partition }) => partition),
    check: () => {
      if (!membership.held()) return 'no lease';
      return live.last_heard_ms() > SILENT_MS ? 'the ledger is silent' : 'ok';
    },
    stop: async () => {
      stopped = true;
      await Promise.all([looking.stop(), flushing.stop()]);
      await Promise.all([live.stop(), ...[...catching].map((follower) => follower.stop())]);
      await release([...owned.values()], 'stopped').catch((error: unknown) =>
        log.warn(errorFields(error), 'partitions could not be given up'),
      );
      await membership.stop();
    },
  };
}

/** Runs `work` again and again, `everyMs` after it ended; what it throws is logged. */
function repeat(everyMs: number, work: () => Promise<void>, log: Log): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let running = Promise.resolve();
  const run = (): void => {
    running = work()
      .catch((error: unknown) => log.error(errorFields(error), 'worker'))
      .then(() => {
        if (!stopped) timer = setTimeout(run, everyMs);
      });
  };
  run();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      clearTimeout(timer);
    },
  };
}

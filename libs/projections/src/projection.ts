/**
 * A read model in Postgres, made from the ledger (architecture, "Followers"). Guarantees that each entry is applied once, in order per partition, whatever is
 * delivered twice, however often a handler or the process fails, and however many processes try. What it shows is as old as its cursor: `waitFor` waits.
 */
import { getMessage, LEDGER, streamInfo } from '@sallyport/bus/api.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PARTITIONS, partitionOf } from '@sallyport/bus/subjects.ts';
import { type Held, pause, type Stopped } from './apply.ts';
import { claimCursor, readCursor } from './cursors.ts';
import type { ProjectionOptions } from './options.ts';
import { holdPartitions } from './partitions.ts';
import { askRebuild, beginRebuild, endRebuild, rebuildState } from './rebuilds.ts';
import { openSession, type Session } from './session.ts';
import { libraryTables } from './tables.ts';

export interface Projection {
  /**
   * True as soon as nothing up to `seq` is pending in the operator's partition, whoever follows it; false after the timeout (default 2 s, api.md §1.7).
   */
  waitFor(operatorId: string, seq: number, timeoutMs?: number): Promise<boolean>;
  /** The same for every partition. */
  waitForAll(seq: number, timeoutMs?: number): Promise<boolean>;
  /** Lowest position of the partitions that this process holds; 0 when it holds none. */
  position(): number;
  /** For readiness: `ok`, or what is wrong. A process without partitions is well, and so is one that goes on with all partitions but those `stopped`. */
  check(): string;
  /** Partitions held here that stand still at an entry that cannot be handled (`stop_on_poison`). */
  stopped(): Stopped[];
  /** Empties the read model and applies the ledger again; resolves when it is where the ledger ended when that began. Any process may ask (`rebuilds.ts`). */
  rebuild(): Promise<void>;
  /** Resolves when the transaction under way is over and the partitions are given back. */
  stop(): Promise<void>;
}

const WAIT_MS = 2_000;
const GATHER_MS = 1_000;
const LOOK_MS = 100;
const POLL_MS = 20;
const SILENT_MS = 5_000;
const ASKED_MS = 2_000;

export function createProjection<DB>(options: ProjectionOptions<DB>): Projection {
  const { name, database, bus, log, filters } = options;
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name)) throw new RangeError('not a name of a projection');
  const db = libraryTables(database.followers);
  const holdings = holdPartitions({ bus, db, name, holder: options.holder });
  let session: Session | null = null;
  let stopped = false;
  let progress = Promise.withResolvers<void>();

  const onProgress = (): void => {
    progress.resolve();
    progress = Promise.withResolvers();
  };

  async function claim(): Promise<Map<number, Held>> {
    const claimed = new Map<number, Held>();
    for (const [partition, fence] of holdings.held()) {
      const cursor = await claimCursor(db, name, partition, fence);
      if (cursor !== null) claimed.set(partition, { partition, fence, cursor });
    }
    return claimed;
  }

  const changed = (claimed: ReadonlyMap<number, Held>): boolean => {
    const held = holdings.held();
    return held.size !== claimed.size || [...claimed.values()].some(({ partition, fence }) => held.get(partition) !== fence);
  };

  /** Empties the read model when that was asked; answers which emptying the cursors come after. */
  async function rebuildAsked(): Promise<number | null> {
    let state = await rebuildState(db, name);
    if (state?.begun === null) {
      log.info({ projection: name }, 'read model is emptied and made again');
      await beginRebuild(options);
      state = await rebuildState(db, name);
    }
    if (state?.begun != null && !state.done) void tellWhenDone(state.begun);
    return state?.begun ?? null;
  }

  async function endWhenAsked(current: Session, begun: number | null): Promise<void> {
    const state = await rebuildState(db, name).catch(() => null);
    if (state && (state.begun === null || state.begun !== begun)) current.end('rebuild');
  }

  /** Every process may tell: the cursors are everybody's. */
  async function tellWhenDone(begun: number): Promise<void> {
    try {
      const { state } = await streamInfo(bus);
      while (!stopped) {
        if ((await rebuildState(db, name))?.begun !== begun) return;
        if (await waitForAll(state.last_seq, WAIT_MS)) return await endRebuild(db, name, begun);
      }
    } catch (error) {
      log.warn({ projection: name, ...errorFields(error) }, 'whether the read model is complete again is not known');
    }
  }

  async function run(): Promise<void> {
    await holdings.gathered(GATHER_MS);
    while (!stopped) {
      try {
        const begun = await rebuildAsked();
        const partitions = await claim();
        if (partitions.size === 0) {
          await pause(LOOK_MS);
          continue;
        }
        await options.on_hold?.([...partitions.values()].map(({ partition, cursor }) => ({ partition, cursor })));
        // Whoever asked for the end meanwhile found no session that could be ended.
        if (stopped) break;
        const current = openSession({ projection: options, partitions, holds: holdings.holds, on_progress: onProgress });
        session = current;
        const look = setInterval(() => {
          if (changed(partitions)) current.end('partitions changed');
        }, LOOK_MS);
        const asked = setInterval(() => void endWhenAsked(current, begun), ASKED_MS);
        const cause = await current.ended;
        clearInterval(look);
        clearInterval(asked);
        session = null;
        log.info({ projection: name, cause, count: partitions.size }, 'projection paused');
        if (cause === 'failed') await pause(LOOK_MS);
      } catch (error) {
        log.error({ projection: name, ...errorFields(error) }, 'projection cannot run');
        await pause(LOOK_MS * 10);
      }
    }
  }

  /** Every matching entry of the partition up to this sequence is in the tables. */
  async function reached(partition: number): Promise<number> {
    const local = session?.partitions.has(partition) ? session.position(partition) : 0;
    return local > 0 ? local : readCursor(db, name, partition);
  }

  /** What stands after `from` at the ledger's leader begins beyond `seq`. */
  async function nothingPending(partition: number, from: number, seq: number): Promise<boolean> {
    const next = filters(String(partition)).map((filter) => getMessage(bus, LEDGER, { next_by_subj: filter, seq: from + 1 }));
    return (await Promise.all(next)).every((message) => message === null || message.seq > seq);
  }

  async function waitForPartition(partition: number, seq: number, timeoutMs: number): Promise<boolean> {
    const end = performance.now() + timeoutMs;
    let asked = -1;
    for (;;) {
      const moved = progress.promise;
      const from = await reached(partition);
      if (from >= seq) return true;
      // Asked once per position: an entry that was pending then is still pending.
      if (from !== asked && (await nothingPending(partition, from, seq).catch(() => false))) return true;
      asked = from;
      const left = end - performance.now();
      if (left <= 0 || stopped) return false;
      await Promise.race([...(session?.partitions.has(partition) ? [moved] : []), pause(Math.min(left, POLL_MS))]);
    }
  }

  async function waitForAll(seq: number, timeoutMs: number): Promise<boolean> {
    const each = Array.from({ length: PARTITIONS }, (_, partition) => waitForPartition(partition, seq, timeoutMs));
    return (await Promise.all(each)).every(Boolean);
  }

  const positions = (): number[] => (session ? [...session.partitions.keys()].map((partition) => session?.position(partition) ?? 0) : []);
  const position = (): number => (positions().length > 0 ? Math.min(...positions()) : 0);
  options.metrics?.gauge('projection_position', 'Log position of a projection', position, { projection: name });
  const stoppedHere = (): Stopped[] => [...(session?.partitions.values() ?? [])].flatMap((held) => held.stopped ?? []);
  const stops = (): number => stoppedHere().length;
  if (options.stop_on_poison)
    options.metrics?.gauge('projection_stopped_partitions', 'Partitions that stand still at an entry that cannot be handled', stops, {
      projection: name,
    });
  const running = run();

  return {
    waitFor: (operatorId, seq, timeoutMs = WAIT_MS) => waitForPartition(partitionOf(operatorId), seq, timeoutMs),
    waitForAll: (seq, timeoutMs = WAIT_MS) => waitForAll(seq, timeoutMs),
    position,
    check: () => {
      if (!session) return holdings.held().size > 0 ? 'starting' : 'ok';
      const silence = session.last_heard_ms();
      if (silence === Number.POSITIVE_INFINITY) return 'starting';
      return silence > SILENT_MS ? 'the ledger is silent' : 'ok';
    },
    stopped: stoppedHere,
    rebuild: async () => {
      await askRebuild(db, name);
      session?.end('rebuild');
      while (!stopped && !(await rebuildState(db, name))?.done) await pause(POLL_MS);
    },
    stop: async () => {
      stopped = true;
      session?.end('stopped');
      await running;
      await holdings.stop();
    },
  };
}

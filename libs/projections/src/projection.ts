/**
 * A read model in Postgres, made from the ledger (architecture, "Followers"). Guarantees that each entry is applied once, in order per partition, whatever is
 * delivered twice, however often a handler or the process fails, and however many processes try. What it shows is as old as its cursor: `waitFor` waits.
 */
import { getMessage, LEDGER, streamInfo } from '@sallyport/bus/api.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PARTITIONS, partitionOf } from '@sallyport/bus/subjects.ts';
import { type Held, pause } from './apply.ts';
import { claimCursor, readCursor, resetCursors } from './cursors.ts';
import type { ProjectionOptions } from './options.ts';
import { holdPartitions } from './partitions.ts';
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
  /** For readiness: `ok`, or what is wrong. A process without partitions is well. */
  check(): string;
  /** Empties the read model and applies the ledger again; resolves when it is where the ledger ended when it was called. */
  rebuild(): Promise<void>;
  /** Resolves when the transaction under way is over and the partitions are given back. */
  stop(): Promise<void>;
}

const WAIT_MS = 2_000;
const GATHER_MS = 1_000;
const LOOK_MS = 100;
const POLL_MS = 20;
const SILENT_MS = 5_000;

export function createProjection<DB>(options: ProjectionOptions<DB>): Projection {
  const { name, database, bus, log, filters } = options;
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(name)) throw new RangeError('not a name of a projection');
  const db = libraryTables(database.db);
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

  async function run(): Promise<void> {
    await holdings.gathered(GATHER_MS);
    while (!stopped) {
      try {
        const partitions = await claim();
        if (partitions.size === 0) {
          await pause(LOOK_MS);
          continue;
        }
        await options.on_hold?.([...partitions.values()].map(({ partition, cursor }) => ({ partition, cursor })));
        const current = openSession({ projection: options, partitions, holds: holdings.holds, on_progress: onProgress });
        session = current;
        const look = setInterval(() => {
          if (changed(partitions)) current.end('partitions changed');
        }, LOOK_MS);
        const cause = await current.ended;
        clearInterval(look);
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
  const running = run();

  return {
    waitFor: (operatorId, seq, timeoutMs = WAIT_MS) => waitForPartition(partitionOf(operatorId), seq, timeoutMs),
    waitForAll: (seq, timeoutMs = WAIT_MS) => waitForAll(seq, timeoutMs),
    position,
    check: () => {
      if (!session) return holdings.held().size > 0 ? 'starting' : 'ok';
      const stoppedAt = [...session.partitions.values()].find(({ stopped_at }) => stopped_at !== undefined);
      if (stoppedAt) return `partition ${stoppedAt.partition} stopped at ${stoppedAt.stopped_at}`;
      const silence = session.last_heard_ms();
      if (silence === Number.POSITIVE_INFINITY) return 'starting';
      return silence > SILENT_MS ? 'the ledger is silent' : 'ok';
    },
    rebuild: async () => {
      await database.db.transaction().execute(async (tx) => {
        await resetCursors(libraryTables(tx), name);
        await options.reset(tx);
      });
      session?.end('rebuild');
      const { state } = await streamInfo(bus);
      while (!stopped && !(await waitForAll(state.last_seq, WAIT_MS)));
    },
    stop: async () => {
      stopped = true;
      session?.end('stopped');
      await running;
      await holdings.stop();
    },
  };
}

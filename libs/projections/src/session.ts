/**
 * One stretch of following with an unchanged set of partitions: one ordered consumer from the lowest cursor on, entries gathered while the previous transaction
 * runs, so that load makes batches and no timer does. Ends by itself when a partition is lost; then nothing that is left is written.
 */
import { type Entry, type Follower, follow } from '@sallyport/bus/follow.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { PARTITIONS } from '@sallyport/bus/subjects.ts';
import { apply, type Held, heldOf } from './apply.ts';
import { Fenced } from './cursors.ts';
import type { ProjectionOptions } from './options.ts';

const BATCH_ENTRIES = 500;
const BATCH_BYTES = 4 * 1_024 * 1_024;
const BUFFER_ENTRIES = 2_000;
const BUFFER_BYTES = 16 * 1_024 * 1_024;

export interface Session {
  partitions: ReadonlyMap<number, Held>;
  /** Everything of this partition up to the sequence is committed. */
  position(partition: number): number;
  last_heard_ms(): number;
  /** Resolves with the reason for which it ended, when the last transaction is over. */
  ended: Promise<string>;
  end(cause: string): void;
}

export interface SessionOptions<DB> {
  projection: ProjectionOptions<DB>;
  partitions: ReadonlyMap<number, Held>;
  holds: (partition: number, fence: number) => boolean;
  /** Something was committed, or a heartbeat moved the position. */
  on_progress: () => void;
}

export function openSession<DB>({ projection, partitions, holds, on_progress }: SessionOptions<DB>): Session {
  const buffer: Entry[] = [];
  let bytes = 0;
  let applying: readonly Entry[] = [];
  let working: Promise<void> | null = null;
  let room: PromiseWithResolvers<void> | null = null;
  let cause: string | null = null;
  const ended = Promise.withResolvers<string>();

  const ours = (): boolean => [...partitions.values()].every(({ partition, fence }) => holds(partition, fence));
  const goOn = (): boolean => {
    if (cause === null && !ours()) end('a lease was lost');
    return cause === null;
  };

  function nextBatch(): Entry[] {
    let size = 0;
    let count = 0;
    for (const entry of buffer) {
      if (count > 0 && (count === BATCH_ENTRIES || size + entry.size > BATCH_BYTES)) break;
      size += entry.size;
      count++;
    }
    bytes -= size;
    return buffer.splice(0, count);
  }

  async function work(): Promise<void> {
    while (buffer.length > 0 && goOn()) {
      applying = nextBatch();
      await apply(projection, { partitions, goOn, committed: on_progress }, applying);
      applying = [];
      if (buffer.length < BUFFER_ENTRIES / 2 && bytes < BUFFER_BYTES / 2) {
        room?.resolve();
        room = null;
      }
      on_progress();
    }
  }

  function begin(): void {
    working ??= work()
      .catch((error: unknown) => {
        if (!(error instanceof Fenced))
          projection.log.error({ projection: projection.name, ...errorFields(error) }, 'applying entries failed');
        end(error instanceof Fenced ? 'fenced' : 'failed');
      })
      .finally(() => {
        working = null;
        if (buffer.length > 0 && cause === null) begin();
      });
  }

  function onMessage(entry: Entry): void | Promise<void> {
    const held = heldOf(partitions, entry);
    if (cause !== null || !held || held.stopped !== undefined || entry.seq <= held.cursor) return;
    buffer.push(entry);
    bytes += entry.size;
    begin();
    if (buffer.length < BUFFER_ENTRIES && bytes < BUFFER_BYTES) return;
    room ??= Promise.withResolvers<void>();
    return room.promise;
  }

  const all = partitions.size === PARTITIONS;
  const follower: Follower = follow(projection.bus, {
    name: projection.name,
    filters: all ? projection.filters('*') : [...partitions.keys()].flatMap((partition) => projection.filters(String(partition))),
    start_seq: Math.min(...[...partitions.values()].map(({ cursor }) => cursor)) + 1,
    headers_only: projection.headers_only === true,
    on_message: onMessage,
    on_beat: on_progress,
  });

  function end(why: string): void {
    if (cause !== null) return;
    cause = why;
    room?.resolve();
    room = null;
    void follower
      .stop()
      .then(() => working)
      .finally(() => ended.resolve(why));
  }

  return {
    partitions,
    position: (partition) => {
      const held = partitions.get(partition);
      if (!held) return 0;
      if (held.stopped !== undefined || cause !== null) return held.cursor;
      const isPending = (entry: Entry): boolean => entry.seq > held.cursor && heldOf(partitions, entry) === held;
      const oldest = applying.find(isPending) ?? buffer.find(isPending);
      return Math.max(held.cursor, oldest ? oldest.seq - 1 : follower.position());
    },
    last_heard_ms: () => follower.last_heard_ms(),
    ended: ended.promise,
    end,
  };
}

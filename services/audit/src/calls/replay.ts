/**
 * Rules 0 to 2 of `admit` over each partition that this process follows (architecture, "The log decides"). They look back 75 s, so before the first entry
 * of a partition its log is read again from a little before that, without writing. Guarantees that an entry which a projection hands in again, after a
 * transaction that failed, gets the same answer and counts once.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { readLedger } from '@sallyport/bus/api.ts';
import { fenceOf } from '@sallyport/bus/fences.ts';
import { type Entry as LogEntry, follow } from '@sallyport/bus/follow.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { windowStart } from '@sallyport/bus/window.ts';
import { type AttemptEntry, type ClosingEntry, type Hash, hashOf } from '@sallyport/admission/entry.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { decodeEntries, ENTRIES_HEADER } from '@sallyport/admission/header.ts';
import { createRecent, type Recent } from '@sallyport/admission/recent.ts';
import type { EntryPosition, Verdict } from '@sallyport/admission/verdict.ts';

/** A little more than verdicts look back. */
const WINDOW_MS = 80_000;
const READ_MS = 60_000;

export type CallStep =
  | { kind: 'attempt'; entry: AttemptEntry; verdict: Verdict; seq: number; index: number; boot: Hash }
  | { kind: 'closing'; entry: ClosingEntry };

export interface Replay {
  /** Forgets everything and reads what comes before these cursors. */
  hold(partitions: readonly { partition: number; cursor: number }[]): Promise<void>;
  /** Attempts and closings of a message, with the verdict of rules 0 to 2. Each partition's messages in order. */
  steps(message: LogEntry): CallStep[];
  /** Messages up to here will not come again. */
  settled(seq: number): void;
}

export function callFilters(partition: string): string[] {
  return [`ledger.${partition}.calls.*`, `ledger.${partition}.*.fence.>`];
}

export function createReplay(bus: Bus): Replay {
  let lanes = new Map<number, Recent>();
  const answered = new Map<number, CallStep[]>();

  async function open(partition: number, cursor: number): Promise<Recent> {
    const last = cursor === 0 ? null : await readLedger(bus, { seq: cursor });
    if (!last) return createRecent({ window_ms: WINDOW_MS });
    const since_ms = last.ts_ms - WINDOW_MS;
    const start_seq = await windowStart(bus, cursor, since_ms);
    const lane = createRecent({ window_ms: WINDOW_MS, start_seq, since_ms: start_seq === 1 ? 0 : since_ms });
    await readAgain(bus, callFilters(String(partition)), start_seq, cursor, (message) => feed(lane, partition, message));
    return lane;
  }

  return {
    hold: async (partitions) => {
      answered.clear();
      lanes = new Map(
        await Promise.all(partitions.map(async ({ partition, cursor }) => [partition, await open(partition, cursor)] as const)),
      );
    },
    steps: (message) => {
      const known = answered.get(message.seq);
      if (known) return known;
      const partition = parseSubject(message.subject)?.partition ?? -1;
      const lane = lanes.get(partition);
      if (!lane) throw new Error(`partition ${partition} is not followed`);
      const steps = feed(lane, partition, message);
      answered.set(message.seq, steps);
      return steps;
    },
    settled: (seq) => {
      for (const known of answered.keys()) if (known <= seq) answered.delete(known);
    },
  };
}

/** Every message of these subjects from `start` up to `end`, which is one of them. */
async function readAgain(bus: Bus, filters: string[], start: number, end: number, read: (message: LogEntry) => void): Promise<void> {
  const done = Promise.withResolvers<void>();
  const follower = follow(bus, {
    name: 'calls_again',
    filters,
    start_seq: start,
    headers_only: true,
    on_message: (message) => {
      if (message.seq <= end) read(message);
      if (message.seq >= end) done.resolve();
    },
  });
  const late = setTimeout(() => done.reject(new Error('the log before the cursor could not be read')), READ_MS);
  try {
    await done.promise;
  } finally {
    clearTimeout(late);
    await follower.stop();
  }
}

function feed(lane: Recent, partition: number, message: LogEntry): CallStep[] {
  const { seq, ts_ms } = message;
  const subject = parseSubject(message.subject);
  if (subject?.type === 'fence') {
    const fence = fenceOf(message);
    if (fence) lane.fence(fence.effect, fence.targets.map(hashOf), { seq, ts_ms, partition });
    return [];
  }
  const header = message.header(ENTRIES_HEADER);
  if (subject?.type !== 'calls' || header === undefined) return [];
  const boot = bootHash(subject.boot);
  const steps: CallStep[] = [];
  for (const [index, entry] of decodeEntries(header).entries()) {
    const at: EntryPosition = { seq, index, ts_ms, boot, partition };
    switch (entry.kind) {
      case 'attempt':
        steps.push({ kind: 'attempt', entry, verdict: lane.attempt(entry, at), seq, index, boot });
        break;
      case 'closing':
        lane.closing(entry, at, 'unseen');
        steps.push({ kind: 'closing', entry });
        break;
      case 'assertion':
        lane.assertion(entry, at);
        break;
      case 'boot_closed':
        lane.closeBoot(entry.boot, at);
        break;
      case 'boot_started':
      case 'none':
        lane.pass(at);
        break;
    }
  }
  return steps;
}

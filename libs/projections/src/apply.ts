/**
 * Applying entries: what they lead to elsewhere, then one transaction for the handler's writes and the cursors. Owns what happens when it fails: an outage is
 * waited out for ever, a batch is halved until the entry that fails stands alone, and that is tried a bounded number of times before it is poison.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { Fenced, type Move, moveCursors } from './cursors.ts';
import type { ProjectionOptions } from './options.ts';
import { isOutage } from './outage.ts';
import { libraryTables } from './tables.ts';

/** A partition as this process has it. */
export interface Held {
  partition: number;
  fence: number;
  /** Everything up to it is committed. */
  cursor: number;
  /** Set when poison stopped it; cleared by nothing but a new beginning, which tries the same entry again. */
  stopped?: Stopped;
}

/** An entry that cannot be handled, at which a partition stands still. */
export interface Stopped {
  partition: number;
  seq: number;
  subject: string;
  /** null: not known, because the payload cannot be read. */
  operator_id: string | null;
  fact_types: string[];
  error: string;
}

export interface ApplyControl {
  partitions: ReadonlyMap<number, Held>;
  /** False once these partitions are no longer ours or the process ends: nothing more is begun. */
  goOn(): boolean;
  committed(): void;
}

const DEFAULT_TRIES = 5;
const ERROR_LENGTH = 1_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** Applies all entries, in order; returns early when `goOn` says so. Throws Fenced, and nothing else. */
export async function apply<DB>(options: ProjectionOptions<DB>, control: ApplyControl, entries: readonly Entry[]): Promise<void> {
  const live = entries.filter((entry) => heldOf(control.partitions, entry)?.stopped === undefined);
  const maxTries = options.tries ?? DEFAULT_TRIES;
  for (let tries = 1, wait = FIRST_WAIT_MS; live.length > 0 && control.goOn(); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const error = await commit(options, control, live);
    if (error === null) return;
    if (error instanceof Fenced) throw error;
    const [only] = live;
    const outage = isOutage(error);
    options.log.warn(
      { projection: options.name, seq: only?.seq ?? 0, count: live.length, tries, ...errorFields(error) },
      'entries could not be applied',
    );
    if (!outage && live.length > 1) {
      const middle = live.length >> 1;
      await apply(options, control, live.slice(0, middle));
      return apply(options, control, live.slice(middle));
    }
    if (!outage && only && tries++ >= maxTries) return poison(options, control, only, error);
    await pause(wait);
  }
}

/** null, or why nothing of it was written. */
async function commit<DB>(options: ProjectionOptions<DB>, control: ApplyControl, entries: readonly Entry[]): Promise<unknown> {
  try {
    const moves = movesOf(control.partitions, entries);
    await options.act?.(entries);
    await options.database.followers.transaction().execute(async (tx) => {
      await moveCursors(libraryTables(tx), options.name, moves);
      await options.handle(tx, entries);
    });
    advance(control, moves);
    return null;
  } catch (error) {
    return error ?? new Error('nothing was thrown');
  }
}

async function poison<DB>(options: ProjectionOptions<DB>, control: ApplyControl, entry: Entry, cause: unknown): Promise<void> {
  const { name, log, metrics } = options;
  const held = heldOf(control.partitions, entry);
  const stops = options.stop_on_poison === true;
  metrics?.counter('poison_total', 'Entries that a projection could not handle', ['projection', 'outcome'])({
    projection: name,
    outcome: stops ? 'stopped' : 'dead_letter',
  });
  log.error(
    { projection: name, seq: entry.seq, subject: entry.subject, partition: held?.partition ?? -1, ...errorFields(cause) },
    stops ? 'a partition stops at an entry that cannot be handled' : 'an entry became a dead letter',
  );
  if (stops) {
    if (held) held.stopped = stoppedAt(entry, held.partition, errorFields(cause).error);
    return;
  }
  const moves = movesOf(control.partitions, [entry]);
  const letter = {
    name,
    partition: held?.partition ?? -1,
    seq: entry.seq,
    subject: entry.subject,
    error: errorFields(cause).error.slice(0, ERROR_LENGTH),
  };
  for (let wait = FIRST_WAIT_MS; control.goOn(); wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      await options.database.followers.transaction().execute(async (tx) => {
        const own = libraryTables(tx);
        await moveCursors(own, name, moves);
        await own.insertInto('dead_letter').values(letter).execute();
      });
      return advance(control, moves);
    } catch (error) {
      if (error instanceof Fenced) throw error;
      log.error({ projection: name, seq: entry.seq, ...errorFields(error) }, 'a dead letter could not be written');
      await pause(wait);
    }
  }
}

function stoppedAt(entry: Entry, partition: number, error: string): Stopped {
  const parsed = parseSubject(entry.subject);
  const stopped = { partition, seq: entry.seq, subject: entry.subject, error: error.slice(0, ERROR_LENGTH) };
  const operator_id = parsed && 'operator_id' in parsed ? parsed.operator_id : null;
  try {
    const facts = entry.facts();
    return {
      ...stopped,
      operator_id: operator_id ?? facts[0]?.operator_id ?? null,
      fact_types: [...new Set(facts.map(({ type }) => type))],
    };
  } catch {
    return { ...stopped, operator_id, fact_types: [] };
  }
}

function movesOf(partitions: ReadonlyMap<number, Held>, entries: readonly Entry[]): Move[] {
  const last = new Map<number, number>();
  for (const entry of entries) {
    const held = heldOf(partitions, entry);
    if (held) last.set(held.partition, entry.seq);
  }
  const moves: Move[] = [];
  for (const { partition, cursor, fence } of partitions.values()) {
    const to = last.get(partition);
    if (to !== undefined) moves.push({ partition, from: cursor, to, fence });
  }
  return moves;
}

function advance(control: ApplyControl, moves: readonly Move[]): void {
  for (const { partition, to } of moves) {
    const held = control.partitions.get(partition);
    if (held) held.cursor = to;
  }
  control.committed();
}

export function heldOf(partitions: ReadonlyMap<number, Held>, entry: Entry): Held | undefined {
  const parsed = parseSubject(entry.subject);
  return parsed ? partitions.get(parsed.partition) : undefined;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * `admit`: one function over the log, the same at every gateway, in audit and in the sweeper (architecture, "The log decides"). Feed it every fence and
 * every entry in log order; its verdict on an entry depends on nothing else. Time is the stream's.
 *
 * An instance need not have read the whole log: it says `unknown` where it has not read enough. Rules 0 to 2 take 75 s of it (`recent.ts`). Rules 3 to 5
 * take the tables of the entry's family (`rules.ts`): complete when its first mission was opened inside the window, or loaded from audit, and followed from
 * then on while they are used. A refused entry uses up nothing but its JWT; the first closing counts.
 */
import type { AttemptEntry, ClosingEntry, Entry, Hash } from './entry.ts';
import { createFamily, EMPTY_TABLE, type Family, type MissionTable } from './family.ts';
import { createKeptAttempts, type KeptAttempt } from './kept.ts';
import { createRecent, type Effect, type FencePosition, type RecentOptions, type SeenClosing } from './recent.ts';
import { asksTables, familyOf, giveBack, judgeByTables, take, type TableEntry } from './rules.ts';
import { ADMITTED, type EntryPosition, type OperationState, UNKNOWN, type Verdict } from './verdict.ts';

export interface OpenAttempt {
  id: Hash;
  boot: Hash;
  seq: number;
  index: number;
  ts_ms: number;
  verdict: Verdict;
}

export interface Admission {
  fence(effect: Effect, targets: readonly Hash[], at: FencePosition): void;
  /** The verdict on an attempt or assertion; other entries are always admitted. */
  apply(entry: Entry, at: EntryPosition): Verdict;
  /** Sequence of the last fence of this effect on any of these targets; 0 if none is remembered. */
  lastFence(effect: Effect, targets: readonly Hash[]): number;
  /** True when rules 3 to 5 can be judged for this family from now on; `openedSeq` is where its first mission was opened. */
  judges(family: Hash, openedSeq: number): boolean;
  /** Tables of a family as of a position not below `loadableFrom()`; false if that is too old by now. What followed in the log is applied on top. */
  loadMission(family: Hash, table: MissionTable, asOf: number): boolean;
  loadableFrom(): number;
  /** State of an operation of a mission; null also for a family that is not judged. */
  operation(missions: readonly Hash[], id: Hash): OperationState | null;
  /** Attempts of the window without a closing, for the sweeper. */
  open(boot: Hash): OpenAttempt[];
  bootClosed(boot: Hash, partition: number): boolean;
  sizes(): { jwts: number; fences: number; closings: number; families: number; operations: number; open: number; bytes: number };
}

/** Unused for longer than this, the tables of a family are dropped. */
const IDLE_MS = 600_000;
const TIDY_MS = 30_000;

export function createAdmission(options: RecentOptions): Admission {
  const recent = createRecent(options);
  const kept = createKeptAttempts(options.window_ms);
  const families = new Map<Hash, Family>();
  /** Families of attempts that hold something. */
  const holders = new Map<Hash, Family>();
  const attempts = new Map<Hash, OpenAttempt & { asks: boolean }>();
  /** Tables as of an earlier position cannot be completed. */
  let floor = (options.start_seq ?? 1) - 1;
  let streamTime = 0;
  let tidiedAt = 0;

  const loadableFrom = (): number => Math.max(floor, recent.dropped(), kept.dropped());

  function drop(root: Hash): void {
    const family = families.get(root);
    if (!family) return;
    families.delete(root);
    for (const attempt of family.open.keys()) holders.delete(attempt);
  }

  /** Old families and attempts go; their closings, if they come, find nothing. */
  function tidy(tsMs: number): void {
    // Asked for before the log was heard: used just now.
    if (streamTime === 0) for (const family of families.values()) family.used_ms = tsMs;
    streamTime = Math.max(streamTime, tsMs);
    if (tsMs - tidiedAt < TIDY_MS) return;
    tidiedAt = tsMs;
    for (const [root, family] of families) if (tsMs - family.used_ms > IDLE_MS) drop(root);
    for (const [id, opened] of attempts) {
      if (tsMs - opened.ts_ms <= options.window_ms) break;
      attempts.delete(id);
    }
  }

  function admit(family: Family, entry: TableEntry): Verdict {
    const verdict = judgeByTables(family, entry);
    if (verdict.admitted) {
      family.open.set(entry.id, take(family, entry));
      holders.set(entry.id, family);
    }
    return verdict;
  }

  function judge(entry: AttemptEntry, at: EntryPosition, asks: boolean): Verdict {
    const verdict = recent.attempt(entry, at);
    if (!verdict.admitted) {
      if (verdict.reason !== 'unknown') return verdict;
      floor = at.seq;
      if (asks) drop(familyOf(entry));
      return verdict;
    }
    if (!asks) return ADMITTED;
    kept.keep(entry, at);
    const family = families.get(familyOf(entry));
    return family && at.seq > family.as_of ? admit(family, entry) : UNKNOWN;
  }

  function attempt(entry: AttemptEntry, at: EntryPosition): Verdict {
    const asks = asksTables(entry);
    const verdict = judge(entry, at, asks);
    const { seq, index, ts_ms, boot } = at;
    const isClosed = !verdict.admitted && verdict.reason === 'given_up';
    if (!isClosed) attempts.set(entry.id, { id: entry.id, boot, seq, index, ts_ms, verdict, asks });
    return verdict;
  }

  function close(family: Family, attempt: Hash, closing: Pick<ClosingEntry, 'sent' | 'outcome'>): void {
    const holding = family.open.get(attempt);
    if (!holding) return;
    family.open.delete(attempt);
    holders.delete(attempt);
    giveBack(family, holding, closing);
  }

  function closing(entry: ClosingEntry, at: EntryPosition): void {
    const opened = attempts.get(entry.attempt);
    recent.closing(entry, at, opened ? (opened.asks ? 'open' : 'plain') : 'unseen');
    attempts.delete(entry.attempt);
    const family = holders.get(entry.attempt);
    if (family) close(family, entry.attempt, entry);
  }

  function loadMission(root: Hash, table: MissionTable, asOf: number): boolean {
    if (asOf < loadableFrom()) return false;
    drop(root);
    const family = createFamily(root, table, asOf, streamTime);
    families.set(root, family);
    for (const id of family.open.keys()) holders.set(id, family);
    const later = kept.of(root, asOf);
    const closings = [...family.open.keys(), ...later.map(({ id }) => id)].flatMap((id) => {
      const seen = recent.closingOf(id);
      return seen && seen.seq > asOf ? [{ ...seen, id }] : [];
    });
    for (const event of inOrder(later, closings)) {
      if (!('missions' in event)) {
        close(family, event.id, event);
        continue;
      }
      const verdict = admit(family, event);
      const opened = attempts.get(event.id);
      if (opened) opened.verdict = verdict;
    }
    return true;
  }

  return {
    fence: (effect, targets, at) => {
      tidy(at.ts_ms);
      recent.fence(effect, targets, at);
    },
    apply: (entry, at) => {
      tidy(at.ts_ms);
      switch (entry.kind) {
        case 'attempt':
          return attempt(entry, at);
        case 'closing':
          closing(entry, at);
          return ADMITTED;
        case 'assertion':
          return recent.assertion(entry, at);
        case 'boot_closed':
          recent.closeBoot(entry.boot, at);
          return ADMITTED;
        case 'boot_started':
        case 'none':
          recent.pass(at);
          return ADMITTED;
      }
    },
    lastFence: recent.lastFence,
    judges: (root, openedSeq) => {
      const family = families.get(root);
      if (!family) return loadMission(root, EMPTY_TABLE, openedSeq - 1);
      family.used_ms = streamTime;
      return true;
    },
    loadMission,
    loadableFrom,
    operation: (missions, id) => {
      const [own = ''] = missions;
      return families.get(missions.at(-1) ?? '')?.operation(own, id) ?? null;
    },
    open: (boot) => [...attempts.values()].filter((one) => one.boot === boot).map(({ asks: _asks, ...one }) => one),
    bootClosed: recent.bootClosed,
    sizes: () => {
      const { bytes, ...counts } = recent.sizes();
      const tables = [...families.values()].map((family) => family.sizes());
      return {
        ...counts,
        families: families.size,
        operations: tables.reduce((sum, table) => sum + table.operations, 0),
        open: attempts.size,
        bytes: bytes + kept.bytes() + tables.reduce((sum, table) => sum + table.bytes, 0),
      };
    },
  };
}

type ClosingOf = SeenClosing & { id: Hash };

function inOrder(attempts: KeptAttempt[], closings: ClosingOf[]): (KeptAttempt | ClosingOf)[] {
  return [...attempts, ...closings].sort((a, b) => a.seq - b.seq || a.index - b.index);
}

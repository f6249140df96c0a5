/**
 * Writing to the own calls subject and reading it back (architecture, "Durable before forward", "Release"). Owns the 500 ms between publishing
 * and a verdict, and the closings that the log could not take yet: they are tried again until it does, or the sweeper is faster.
 */
import type { GroupCommit } from '@sallyport/bus/group-commit.ts';
import type { Clock } from '@sallyport/bus/clock.ts';
import { partitionOf } from '@sallyport/bus/subjects.ts';
import type { Fact } from '@sallyport/contracts/fact.ts';
import { type AssertionEntry, encodeEntry, type Entry, type Hash } from '@sallyport/admission/entry.ts';
import { bootHash } from '@sallyport/admission/hashes.ts';
import { createDeadlines } from '../deadlines.ts';
import { type Feed, keyOf, type OwnRecord } from './feed.ts';

export const RECORD_MS = 500;

export interface Records {
  /**
   * Publishes and waits for the own verdict. `onRead` is called once, in the turn in which the record is read, or with null after 500 ms
   * without it; a record that lands later is nobody's.
   */
  readBack(fact: Fact, entry: Entry, onRead: (own: OwnRecord | null) => void): void;
  /** The entry of one use of a JWT, unlike every other that this gateway start makes. */
  assertion(jwt: Hash): AssertionEntry;
  /** Publishes and waits for the acknowledgement, at most 500 ms. False: not acknowledged in time; with `keep_trying` it will be tried on.
   * `partition`: by default its operator's. */
  write(fact: Fact, entry: Entry, options: { keep_trying: boolean; partition?: number }): Promise<boolean>;
  /** Records that were given up here and are tried on. */
  backlog(): number;
  stop(): void;
}

const ignore = (): void => undefined;

export function createRecords(deps: { commit: GroupCommit; feed: Feed; clock: Clock; boot: string }): Records {
  const { commit, feed, clock } = deps;
  const boot = bootHash(deps.boot);
  let lastUntil = 0;
  const readBacks = createDeadlines(RECORD_MS, 10);
  const acknowledgements = createDeadlines(RECORD_MS, 25);

  return {
    readBack: (fact, entry, onRead) => {
      const key = keyOf(entry, boot);
      if (key === null) throw new RangeError('nobody awaits an entry of this kind');
      const deadline = readBacks.begin(() => {
        feed.forget(key);
        onRead(null);
      });
      feed.await(key, (own) => {
        deadline.clear();
        onRead(own);
      });
      // A lost acknowledgement says nothing: the deadline decides.
      commit.put(partitionOf(fact.operator_id), fact, encodeEntry(entry), feed.expect, ignore);
    },
    assertion: (jwt) => {
      lastUntil = Math.max(clock.now() + RECORD_MS, lastUntil + 1);
      return { kind: 'assertion', jwt, until: lastUntil };
    },
    write: (fact, entry, { keep_trying, partition = partitionOf(fact.operator_id) }) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const deadline = acknowledgements.begin(() => resolve(false));
      const settled = (stored: boolean): void => {
        deadline.clear();
        resolve(stored);
      };
      commit.put(
        partition,
        fact,
        encodeEntry(entry),
        () => settled(true),
        () => settled(false),
        { keep: keep_trying },
      );
      return promise;
    },
    backlog: () => commit.kept(),
    stop: () => commit.stop(),
  };
}

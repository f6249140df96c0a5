/** One owned partition in memory (detectors.md §1.8): the states of its keys, what of them is not yet in PostgreSQL. Steps one fact at a time; no I/O. */
import type { Fact } from '@sallyport/contracts/fact.ts';
import { partitionOf } from '@sallyport/features/partition.ts';
import type { AnyDetector } from '../framework/detector.ts';
import { eventOf, issuedFacts } from '../framework/event.ts';
import { type HostStep, type KeyState, newKey, type Repeated, repeatsOf, stepKey } from '../framework/host.ts';

export interface OwnedPartition {
  partition: number;
  fence: number;
  cursor: number;
  /** The live follower steps it; before, its catching-up one does. */
  ready: boolean;
  keys: Map<string, KeyState>;
  dirty: Set<string>;
  dropped: Set<string>;
  /** Sequence of the last signal that was written for it. */
  last_signal_seq: number;
  /** Signal id → its count, of repeats that the ledger may not have; not part of the state, which only depends on facts. */
  untold: Map<string, Repeated>;
}

export function newPartition(taken: { partition: number; fence: number; cursor: number }, keys: Map<string, KeyState>): OwnedPartition {
  const untold = new Map([...keys.values()].flatMap(repeatsOf).map((repeated) => [repeated.signal_id, repeated]));
  return { ...taken, ready: false, keys, dirty: new Set(), dropped: new Set(), last_signal_seq: 0, untold };
}

const ISSUES = ['passport.issued', 'passport.refreshed'];
const ENDS = ['mission.completed', 'mission.revoked', 'mission.expired'];

export interface Step extends HostStep {
  key: string;
}

/** A fact's partition: by its session; a mission's own facts, which have none, by where that mission is known. */
export function partitionOfFact(fact: Fact, owned: ReadonlyMap<number, OwnedPartition>): OwnedPartition | null {
  if (fact.session_id !== undefined) return owned.get(partitionOf(fact.session_id)) ?? null;
  const { mission_id } = fact;
  if (mission_id === undefined || !ENDS.includes(fact.type)) return null;
  return [...owned.values()].find((partition) => partition.keys.has(mission_id)) ?? null;
}

/** What this fact does to its key, or null when no detector reads it. Nothing is changed yet: see `keep`. */
export function stepFact(
  detectors: readonly AnyDetector[],
  partition: OwnedPartition,
  fact: Fact,
  pos: { seq: number; index: number },
): Step | null {
  const key = fact.mission_id;
  if (key === undefined) return null;
  const ends = ENDS.includes(fact.type);
  const known = partition.keys.get(key);
  const isRead =
    ISSUES.includes(fact.type) || (ends && known !== undefined) || detectors.some(({ consumes }) => consumes.includes(fact.type));
  if (!isRead) return null;
  const before = known ?? newKey(key, fact.operator_id);
  const event = eventOf(fact, pos, before.passport);
  return { key, ...stepKey(detectors, before, event, { issued: issuedFacts(event), ends }) };
}

export function keep(partition: OwnedPartition, key: string, state: KeyState): void {
  partition.keys.set(key, state);
  partition.dirty.add(key);
  partition.dropped.delete(key);
}

/** Throws away what is past its life. `nowMs`: the ledger's clock. */
export function dropDead(partition: OwnedPartition, nowMs: number): void {
  for (const [key, { dies_at_ms }] of partition.keys) {
    if (dies_at_ms === null || dies_at_ms > nowMs) continue;
    partition.keys.delete(key);
    partition.dirty.delete(key);
    partition.dropped.add(key);
  }
}

/**
 * Facts into detectors, signals into the ledger, in order. A key's new state is kept only after its signals stand in the ledger: a crash in between
 * replays the fact, and the replayed signal has the same id.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import type { AnyDetector } from '../framework/detector.ts';
import type { Signals } from '../signals.ts';
import { keep, type OwnedPartition, partitionOfFact, type Step, stepFact } from './partition.ts';
import type { SignalWriter } from './write-signals.ts';

export interface Stepping {
  detectors: readonly AnyDetector[];
  writer: SignalWriter;
  signals: Signals;
}

/** Steps every fact of the entry that belongs to one of `owned` which `takes` it and has not passed it. */
export async function stepEntry(
  stepping: Stepping,
  owned: ReadonlyMap<number, OwnedPartition>,
  takes: (partition: OwnedPartition) => boolean,
  entry: Entry,
): Promise<void> {
  for (const [index, fact] of entry.facts().entries()) {
    const partition = partitionOfFact(fact, owned);
    if (!partition || !takes(partition) || entry.seq <= partition.cursor) continue;
    const stillOurs = (): boolean => owned.get(partition.partition) === partition;
    const stepped = stepFact(stepping.detectors, partition, fact, { seq: entry.seq, index });
    if (stepped && (await writeOut(stepping, partition, stepped, stillOurs))) keep(partition, stepped.key, stepped.state);
  }
}

/** False when the partition was lost before everything was written: its next owner does it again. */
async function writeOut(
  { writer, signals }: Stepping,
  partition: OwnedPartition,
  stepped: Step,
  stillOurs: () => boolean,
): Promise<boolean> {
  for (const detector of stepped.failed) signals.failed(detector);
  for (const signal of stepped.raised) {
    const seq = await writer.raise(signal, stillOurs);
    if (seq === null) return false;
    partition.last_signal_seq = Math.max(partition.last_signal_seq, seq);
  }
  for (const repeated of stepped.repeated) partition.untold.set(repeated.signal_id, repeated);
  return stillOurs();
}

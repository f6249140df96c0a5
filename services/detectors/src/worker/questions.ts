/**
 * "Have you passed sequence n?", asked of a partition's owner by any detectors process, which then knows that every signal up to there is in the
 * ledger, and where the last one is.
 */
import type { Bus } from '@sallyport/bus/connect.ts';
import { askQuery, serveQueries } from '@sallyport/bus/queries.ts';
import type { OwnedPartition } from './partition.ts';

export interface Answering {
  stop(): void;
}

const LOOK_MS = 5;
const LONGEST_MS = 2_000;

export function answerQuestions(bus: Bus, partition: OwnedPartition, passed: () => number, ours: () => boolean): Answering {
  return serveQueries(bus, partition.partition, async (question) => {
    const until = numberOf(question, 'passed');
    if (until === null) return undefined;
    const end = performance.now() + LONGEST_MS;
    while (passed() < until) {
      if (!ours() || performance.now() > end) return undefined;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return { last_signal_seq: partition.last_signal_seq };
  });
}

/** The sequence of the partition's last signal once its owner passed `seq`; null when that was not to be learnt in time. */
export async function askPassed(bus: Bus, partition: number, seq: number, timeoutMs: number): Promise<number | null> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const left = end - performance.now();
    if (left <= 0) return null;
    // While a partition moves nobody answers: asked again until the time is over.
    const answer = await askQuery(bus, partition, { passed: seq }, left);
    const found = numberOf(answer, 'last_signal_seq');
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS * 4));
  }
}

function numberOf(value: unknown, name: string): number | null {
  if (typeof value !== 'object' || value === null) return null;
  const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
  return typeof found === 'number' ? found : null;
}

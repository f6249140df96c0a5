/**
 * Reads that agree with what the caller knows (api.md §1.7): what it has seen in the log is in the answer, and an id that was just made is looked for a moment longer.
 * Owners that read from a projection wait for that themselves; this waits for the log's leader.
 */
import { type BusAnswer, type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { idTime } from '@sallyport/contracts/ids.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';

export interface Reading {
  /** Unix ms of the ledger's clock. */
  now(): number;
  /** Last sequence of the ledger, read at its leader. */
  streamLast(): Promise<number>;
}

const WAIT_MS = 2_000;
const YOUNG_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;
const PAUSE_MS = 50;

/** `read` may be run again. Anything but a GET passes as it is. */
export async function readSeen(reading: Reading, operation: Operation, call: BusCall, read: () => Promise<BusAnswer>): Promise<BusAnswer> {
  if (operation.http?.method !== 'GET') return read();
  const needed = call.min_event_seq ?? 0;
  if (needed > 0 && !(await within(WAIT_MS, async () => (await reading.streamLast()) >= needed))) {
    return refuse({ ...denial('READ_MODEL_BEHIND', 'Nothing has that sequence yet.'), retry_after: 1 });
  }
  let answer = await read();
  if (!isMissing(answer) || needed > 0 || !Object.values(call.params).some((id) => isYoung(id, reading.now()))) return answer;
  await within(LOOK_AGAIN_MS, async () => {
    answer = await read();
    return !isMissing(answer);
  });
  return answer;
}

function isMissing(answer: BusAnswer): boolean {
  return !answer.ok && answer.denial.code === 'NOT_FOUND';
}

function isYoung(id: string, nowMs: number): boolean {
  const made = idTime(id);
  return made !== null && Math.abs(nowMs - made) < YOUNG_MS;
}

async function within(ms: number, isDone: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + ms;
  for (;;) {
    if (await isDone()) return true;
    if (performance.now() + PAUSE_MS >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

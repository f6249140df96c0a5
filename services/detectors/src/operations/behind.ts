/** The wait for what a caller has already seen (api.md §1.7). */
import type { BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Deps } from '../deps.ts';

const LONGEST_MS = 2_000;

export async function behind({ events }: Deps, operatorId: string, call: BusCall, remainingMs: number): Promise<Denial | null> {
  const needed = call.min_event_seq ?? 0;
  if (needed === 0 || (await events.waitFor(operatorId, needed, Math.min(LONGEST_MS, remainingMs)))) return null;
  return { ...denial('READ_MODEL_BEHIND', 'The security events have not reached that event yet.'), retry_after: 1 };
}

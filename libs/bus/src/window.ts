/** Where the window of stream time begins: the first message that is young enough (architecture, "The window"). */
import { readLedger } from './api.ts';
import type { Bus } from './connect.ts';

/**
 * The first sequence in `[1, last + 1]` whose message is not older than `sinceMs`, by halving: stream timestamps never fall.
 * Reads at most 1 + log2(last) single messages.
 */
export async function windowStart(bus: Bus, last: number, sinceMs: number): Promise<number> {
  let low = 1;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await readLedger(bus, { next_by_subj: 'ledger.>', seq: middle });
    if (!message || message.ts_ms >= sinceMs) high = middle;
    else low = Math.max(message.seq, middle) + 1;
  }
  return low;
}

/**
 * Whether a kept answer still holds, by the fences that were read since (architecture, "Views"). Pure but for the feed it is given. Nothing is
 * voided by search: each use compares.
 */
import type { Feed } from '../log/feed.ts';
import { WINDOW_MS } from '../log/feed.ts';
import type { Hash } from '@sallyport/admission/entry.ts';

export interface Kept {
  /** Every target whose fence changes this answer. */
  targets: readonly Hash[];
  /** Log position that its owner had read. */
  position: number;
  /** Fences up to here have been compared. */
  checked: number;
  /** Stream time of that comparison. */
  checked_at: number;
}

/** `ask`: narrowed, or too long unused to know. `dead`: revoked or ended since. */
export type Holds = 'yes' | 'ask' | 'dead';

// The window is kept in parts that are dropped whole, so the last part of it may already be gone.
const MEMORY_MS = WINDOW_MS / 2;

export function stillHolds(kept: Kept, feed: Feed): Holds {
  const last = feed.lastFence();
  const streamTime = feed.streamTime();
  if (last > kept.checked) {
    const { targets, position } = kept;
    const { admission } = feed;
    if (admission.lastFence('revoked', targets) > position || admission.lastFence('ended', targets) > position) return 'dead';
    if (admission.lastFence('narrowed', targets) > position) return 'ask';
  }
  if (streamTime - kept.checked_at > MEMORY_MS) return 'ask';
  kept.checked = Math.max(kept.checked, last);
  kept.checked_at = streamTime;
  return 'yes';
}

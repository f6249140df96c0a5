/**
 * Which keyed requests are under way, in every instance of a service (api.md §1.5, `request_in_progress`). A mark in the bucket of leases, which is memory and
 * forgets it after 15 s: a crash holds up the repeats of its request for that long at most. Guarantees nothing about what a key does: that it is used once the
 * log settles, so a bucket that cannot be reached refuses nobody.
 */
import { LEASES } from './admin.ts';
import { getMessage } from './api.ts';
import type { Bus } from './connect.ts';
import { writeKey } from './leases.ts';
import { errorFields } from './log.ts';

export interface Running {
  /** Null: another request with this key is under way. What comes back ends it; nobody needs to wait for that. */
  begin(operatorId: string, keyHash: string): Promise<(() => void) | null>;
}

export function createRunning(bus: Bus): Running {
  const here = new Set<string>();
  const mark = { holder: bus.name, fence: 0 };

  /** Sequence of our mark; null: there is another's. */
  async function put(subject: string): Promise<number | null> {
    const first = await writeKey(bus, subject, 0, mark);
    if (first !== null) return first;
    const standing = await getMessage(bus, LEASES, { last_by_subj: subject });
    return standing && standing.data.length > 0 ? null : writeKey(bus, subject, standing?.seq ?? 0, mark);
  }

  return {
    begin: async (operatorId, keyHash) => {
      const subject = `$KV.leases.${bus.user}.key.${operatorId}.${keyHash}`;
      if (here.has(subject)) return null;
      here.add(subject);
      try {
        const seq = await put(subject);
        if (seq === null) {
          here.delete(subject);
          return null;
        }
        return () => {
          here.delete(subject);
          // Ours no more when it was forgotten in between.
          writeKey(bus, subject, seq, null).catch(() => null);
        };
      } catch (error) {
        bus.log.warn(errorFields(error), 'a running request could not be marked');
        return () => void here.delete(subject);
      }
    },
  };
}

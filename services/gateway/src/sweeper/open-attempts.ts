/**
 * Open attempts of lost gateways: from `audit`, which has judged the whole log, and from the own window where audit does not answer. An attempt whose verdict
 * is not known here is left for the next look.
 */
import { type Bus } from '@sallyport/bus/connect.ts';
import { errorFields } from '@sallyport/bus/log.ts';
import { type Hash, hashOf } from '@sallyport/admission/entry.ts';
import { OpenAttempts, openAttempts } from '@sallyport/contracts/operations/call-log.ts';
import { matches } from '@sallyport/contracts/validate.ts';
import type { Log } from '@sallyport/service-kit/log.ts';
import type { Feed } from '../log/feed.ts';
import { askOwner } from '../views/ask.ts';

export interface LostAttempt {
  id: Hash;
  boot: Hash;
  seq: number;
  index: number;
  /** Why the log refused it; null: it was admitted. */
  reason: string | null;
}

const ASK_MS = 2_000;

/** All of one boot, or the first of every boot that has any, in the whole log. Null: audit did not answer. */
export async function askOpenAttempts(deps: { bus: Bus; feed: Feed; log: Log }, boot: Hash | null): Promise<LostAttempt[] | null> {
  const { bus, feed, log } = deps;
  const body = { boot: boot === null ? null : text(boot), min_position: feed.position() };
  try {
    const answer = await askOwner(bus, openAttempts, body, '', ASK_MS);
    if (!answer.ok || !matches(OpenAttempts, answer.body)) return null;
    return answer.body.attempts.map(({ attempt, boot: of, ...place }) => ({ ...place, id: hash(attempt), boot: hash(of) }));
  } catch (error) {
    log.debug(errorFields(error), 'audit did not answer');
    return null;
  }
}

export function ownOpenAttempts({ admission }: Feed, boot: Hash): LostAttempt[] {
  return admission.open(boot).flatMap(({ id, seq, index, verdict }): LostAttempt[] => {
    if (verdict.admitted) return [{ id, boot, seq, index, reason: null }];
    return verdict.reason === 'unknown' ? [] : [{ id, boot, seq, index, reason: verdict.reason }];
  });
}

function text(of: Hash): string {
  return Buffer.from(of, 'latin1').toString('base64url');
}

function hash(of: string): Hash {
  return hashOf(Buffer.from(of, 'base64url'));
}

/** Follows changes of the signing keys: operators are told, the next step gets its timer. Repeating either changes nothing. */
import type { Entry } from '@sallyport/bus/follow.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { KEYSET_PURPOSES, type KeysetPurpose } from '@sallyport/contracts/facts/keys.ts';
import type { Deps } from '../deps.ts';
import { rotateByTime } from '../key-rotation.ts';
import { tellOperators } from '../telling-keys.ts';

export const KEYSET_KINDS = ['keyset'] as const;

export function followKeys(deps: Deps): (entry: Entry) => Promise<void> {
  return async (entry) => {
    const subject = parseSubject(entry.subject);
    const purpose = subject?.type === 'aggregate' ? purposeOf(subject.id) : null;
    if (purpose === null) return;
    for (const fact of entry.facts()) await tellOperators(deps, fact, entry.seq);
    await keysDue(deps, purpose);
  };
}

/** Also at start: a timer that was lost with its stream is armed again. */
export async function keysDue(deps: Deps, id: string): Promise<void> {
  const purpose = purposeOf(id);
  if (purpose === null) return;
  const next = await rotateByTime(deps, purpose);
  if (next !== null) await deps.timers.arm('key', purpose, next);
}

function purposeOf(id: string): KeysetPurpose | null {
  return KEYSET_PURPOSES.find((one) => one === id) ?? null;
}

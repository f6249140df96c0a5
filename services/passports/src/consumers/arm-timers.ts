/** Arms the deadlines of passports and missions from their own facts, so that a crash after a command loses none (architecture, "Time"). */
import type { Entry } from '@sallyport/bus/follow.ts';
import { dataOf } from '@sallyport/contracts/fact.ts';
import { checkpointRecorded, missionOpened, passportIssued, passportRefreshed } from '@sallyport/contracts/facts/passports.ts';
import type { Deps } from '../deps.ts';
import { SETTLE_MS } from '../domain/lapse.ts';

export const ARMED_KINDS = ['mission', 'passport'] as const;

export function armTimers({ timers }: Pick<Deps, 'timers'>): (entry: Entry) => Promise<void> {
  return async (entry) => {
    for (const fact of entry.facts()) {
      const { operator_id, jti } = fact;
      const opened = dataOf(missionOpened, fact);
      if (opened) await timers.arm('mission', opened.mission_id, opened.expires_at_ms, { operator_id });
      const moved = dataOf(passportIssued, fact) ?? dataOf(passportRefreshed, fact) ?? dataOf(checkpointRecorded, fact);
      const expires = moved?.expires_at_ms ?? null;
      if (expires !== null && jti !== undefined) await timers.arm('passport', jti, expires + SETTLE_MS, { operator_id });
    }
  };
}

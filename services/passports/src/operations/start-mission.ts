/**
 * `POST /v1/missions/start` (api.md §7): a mission and its passport in one batch. If the passport is refused there is no mission either, so nothing has to be
 * revoked.
 */
import type { IssuedPassport } from '@sallyport/contracts/objects/passport.ts';
import { startMission } from '@sallyport/contracts/operations/missions.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../deps.ts';
import { openMission } from '../domain/open-mission.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { issueBasis, issueInto } from '../issuing.ts';

interface Started {
  mission_id: string;
  claim_id: string;
  expires_at: string;
  passport: IssuedPassport;
}

export function startMissionOperation(deps: Deps): OperationHandler<typeof startMission> {
  return async ({ principal, body, scope }) => {
    const decided = await deps.ledger.decide<Started>(scope, async (read) => {
      const found = await issueBasis({ read, principal }, body.agent_id);
      if (!found.ok) return { deny: found.denial };
      const { agent, operator } = found.basis;
      const mission_id = newId('mission', read.now);
      const opened = openMission({ mission_id, agent, settings: operator.settings, fields: body.mission, now_ms: read.now });
      if (!opened.ok) return { deny: opened.denial };
      const choice = { opened: opened.opened, opened_id: newId('event', read.now) };
      const issued = await issueInto(deps, { read, principal }, found.basis, body.passport ?? {}, choice);
      if (!issued.ok) return { deny: issued.denial };
      const { write, answer, claim_id } = issued.made;
      return { write, value: { mission_id, claim_id, expires_at: iso(opened.opened.expires_at_ms), passport: answer } };
    });
    if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.passport.accountability);
    return answerOf(startMission, decided, (value) => value);
  };
}

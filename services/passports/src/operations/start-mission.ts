/**
 * `POST /v1/missions/start` (api.md §7): a mission and its passport in one batch. If the passport is refused, the mission is recorded as opened and revoked, so that
 * the attempt is seen; no call can have used it.
 */
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionOpened, missionRevoked } from '@sallyport/contracts/facts/passports.ts';
import type { IssuedPassport } from '@sallyport/contracts/objects/passport.ts';
import { startMission } from '@sallyport/contracts/operations/missions.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { namesIn, namesRefusal } from '../allowed-connections.ts';
import type { Deps } from '../deps.ts';
import { MISSION } from '../domain/mission.ts';
import { type Opened, openMission } from '../domain/open-mission.ts';
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
    const failed: { mission: Opened | null; reason: string } = { mission: null, reason: '' };
    const decided = await deps.ledger.decide<Started>(scope, async (read) => {
      const found = await issueBasis({ read, principal }, body.agent_id);
      if (!found.ok) return { deny: found.denial };
      const outside = await namesRefusal(read.get, principal, [...namesIn(body.mission), ...namesIn(body.passport ?? {})]);
      if (outside) return { deny: outside };
      const { agent, operator } = found.basis;
      const mission_id = newId('mission', read.now);
      const opened = openMission({ mission_id, agent, settings: operator.settings, fields: body.mission, now_ms: read.now });
      if (!opened.ok) return { deny: opened.denial };
      const choice = { opened: opened.opened, opened_id: newId('event', read.now) };
      const issued = await issueInto(deps, { read, principal }, found.basis, body.passport ?? {}, choice);
      if (!issued.ok) {
        Object.assign(failed, { mission: opened.opened, reason: issued.denial.code });
        return { deny: issued.denial };
      }
      const { write, answer, claim_id } = issued.made;
      return { write, value: { mission_id, claim_id, expires_at: iso(opened.opened.expires_at_ms), passport: answer } };
    });
    if (!decided.ok && !decided.replayed && failed.mission) await recordFailure(deps, scope, failed.mission, failed.reason);
    if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.passport.accountability);
    return answerOf(startMission, decided, (value) => value);
  };
}

/** Best effort: the refusal stands without it. */
async function recordFailure(deps: Deps, scope: Scope, opened: Opened, code: string): Promise<void> {
  const { idempotency: _used, ...plain } = scope;
  const { mission_id, agent_id } = opened;
  const { operator_id } = scope;
  const whose = { mission_id, ...(agent_id !== null && { agent_id }) };
  try {
    await deps.ledger.decide<null>(plain, async (read) => {
      const ended = { terminal_state: 'revoked_clean', ended_at_ms: read.now, reason: `Issue failed: ${code}`, notes: null } as const;
      const facts = [draft(missionOpened, opened, whose), draft(missionRevoked, { ...ended, revoked: [] }, whose)];
      return { write: [{ on: MISSION, operator_id, id: mission_id, facts }], value: null };
    });
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error;
  }
}

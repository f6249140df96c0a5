/**
 * `POST /v1/missions/:id/renew` (api.md §7): a fresh passport of the same mission, by default with the last one's intent and scope. The earlier ones live on.
 */
import { draft } from '@sallyport/contracts/fact.ts';
import { missionRenewed } from '@sallyport/contracts/facts/passports.ts';
import { invalid } from '@sallyport/contracts/errors.ts';
import type { IssuedPassport, IssueFields } from '@sallyport/contracts/objects/passport.ts';
import type { renewMission } from '@sallyport/contracts/operations/missions.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { MISSION, missionEnded } from '../../domain/mission.ts';
import type { Issued } from '../../domain/passport.ts';
import { issueBasis, issueInto } from '../../issuing.ts';
import { readMission, readPassport } from '../../reading.ts';

interface Renewed {
  mission_id: string;
  claim_id: string;
  expires_at: string;
  passport: IssuedPassport;
}

export function renewMissionOperation(deps: Deps): OperationHandler<typeof renewMission> {
  return async ({ operation, principal, params: { id }, body, scope }) => {
    const { operator_id } = principal;
    const { agent_id, ...fields } = body;
    const decided = await deps.ledger.decide<Renewed>(scope, async (read) => {
      const mission = await readMission(read.get, operator_id, id);
      // Another agent's mission is none, for an agent (api.md §2, E.id).
      const own = principal.type !== 'agent' || mission?.agent_id === null || mission?.agent_id === principal.id;
      if (!mission || !own) return { deny: missionEnded(id, 'not_found') };
      const agentId = agent_id ?? mission.agent_id ?? (principal.type === 'agent' ? principal.id : null);
      if (agentId === null) return { deny: invalid([{ path: 'agent_id', rule: 'required' }]) };
      const found = await issueBasis({ read, principal }, agentId);
      if (!found.ok) return { deny: found.denial };
      const last = mission.passports.at(-1);
      const before = last ? await readPassport(read.get, operator_id, last.jti) : null;
      const issued = await issueInto(
        deps,
        { read, principal },
        found.basis,
        before ? withIntentOf(before.issued, fields) : fields,
        { mission_id: id },
        before && !asksScope(fields) ? before.issued.services : null,
      );
      if (!issued.ok) return { deny: issued.denial };
      const { write, answer, claim_id } = issued.made;
      const renewed = draft(missionRenewed, { jti: answer.jti }, { mission_id: id, agent_id: agentId });
      return {
        write: [...write, { on: MISSION, operator_id, id, facts: [renewed] }],
        value: { mission_id: id, claim_id, expires_at: iso(mission.expires_at_ms), passport: answer },
      };
    });
    if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.passport.accountability);
    return answerOf(operation, decided, (value) => value);
  };
}

/** Any of these names what the passport is for anew. */
function asksScope({ services, scopes, intents }: IssueFields): boolean {
  return [services, scopes, intents].some((list) => list !== undefined && list !== null && list.length > 0);
}

/** What the request leaves out of the intent is the last passport's. */
function withIntentOf(last: Issued, fields: IssueFields): IssueFields {
  const { intent, intent_services, intent_description, checkpoint_interval_seconds } = fields;
  const given = typeof intent === 'string' ? { summary: intent } : (intent ?? {});
  const declares = asksScope(fields) || ('services' in given && (given.services?.length ?? 0) > 0) || (intent_services?.length ?? 0) > 0;
  return {
    ...fields,
    intent: {
      ...given,
      summary: given.summary || intent_description || last.intent_summary,
      ...(!declares && { services: last.intent_services }),
      ...(!('will_delegate' in given) && { will_delegate: last.will_delegate }),
      ...(!('estimated_duration_seconds' in given) && { estimated_duration_seconds: last.estimated_duration_seconds }),
    },
    checkpoint_interval_seconds: checkpoint_interval_seconds ?? last.checkpoint_interval,
  };
}

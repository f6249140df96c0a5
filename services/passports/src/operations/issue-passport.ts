/** `POST /v1/passports/issue` (api.md §6). */
import type { IssuedPassport } from '@sallyport/contracts/objects/passport.ts';
import { issuePassport } from '@sallyport/contracts/operations/passports.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { namesIn, namesRefusal } from '../allowed-connections.ts';
import type { Deps } from '../deps.ts';
import { issueBasis, issueInto } from '../issuing.ts';

export function issuePassportOperation(deps: Deps): OperationHandler<typeof issuePassport> {
  return async ({ principal, body, scope }) => {
    const { agent_id, mission_ids, ...fields } = body;
    const decided = await deps.ledger.decide<IssuedPassport>(scope, async (read) => {
      const found = await issueBasis({ read, principal }, agent_id);
      if (!found.ok) return { deny: found.denial };
      const outside = await namesRefusal(read.get, principal, namesIn(fields));
      if (outside) return { deny: outside };
      const missionId = mission_ids?.[0];
      const choice = missionId === undefined ? 'implicit' : { mission_id: missionId };
      const issued = await issueInto(deps, { read, principal }, found.basis, fields, choice);
      return issued.ok ? { write: issued.made.write, value: issued.made.answer } : { deny: issued.denial };
    });
    if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.accountability);
    return answerOf(issuePassport, decided, (value) => value);
  };
}

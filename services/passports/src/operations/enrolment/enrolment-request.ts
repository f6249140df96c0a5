/** What a person sees of the agent before answering a process that wants to enrol it (api.md §5.2). */
import { refuse } from '@sallyport/contracts/call.ts';
import type { enrolmentRequest } from '@sallyport/contracts/operations/enrolment.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { livePassports } from '../../projections/live-passports.ts';
import { noAgent, readAgent, readOperator } from '../../reading.ts';
import { readActiveMember } from '../../sign-in/members.ts';
import { sessionOnly } from '../../sign-in/session-only.ts';

export function enrolmentRequestOperation(deps: Deps): OperationHandler<typeof enrolmentRequest> {
  return async ({ operation, principal, body: { agent_id: id } }) => {
    const refused = sessionOnly(principal);
    if (refused) return refuse(refused);
    const { operator_id } = principal;
    const found = await readAgent(deps.ledger.load, operator_id, id);
    if (!found) return refuse(noAgent(id));
    const [operator, member, met] = await Promise.all([
      readOperator(deps.ledger.load, operator_id),
      readActiveMember(deps.ledger.load, operator_id, principal.id),
      livePassports(deps, operator_id, { agent_id: id }),
    ]);
    return success(operation, {
      agent: found.agent,
      operator_name: operator.name,
      email: member?.email ?? '',
      live_passports: met.own.length,
    });
  };
}

/** `POST /v1/passports/delegate` (api.md §6). */
import type { delegatePassport as contract } from '@sallyport/contracts/operations/passports.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { delegatePassport } from '../../delegating.ts';
import type { Deps } from '../../deps.ts';

export function delegatePassportOperation(deps: Deps): OperationHandler<typeof contract> {
  return async ({ operation, principal, body, scope }) => {
    const { parent_passport_token: parent_token, child_agent_id, ...fields } = body;
    const decided = await delegatePassport(deps, { principal, scope, parent_token, child_agent_id, fields });
    return answerOf(operation, decided, (value) => value);
  };
}

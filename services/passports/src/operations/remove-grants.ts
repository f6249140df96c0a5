/** `DELETE /v1/agents/:id/grants` (api.md §5.3): no access is left, explicit or implicit; passports live on. */
import { removeGrants } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { GRANT } from '../domain/grant.ts';
import { removalWrites } from '../granting.ts';
import { noAgent, readAgent } from '../reading.ts';

export function removeGrantsOperation(deps: Deps): OperationHandler<typeof removeGrants> {
  return async ({ principal, params: { id }, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<{ removed: number }>(scope, async (read) => {
      const found = await readAgent(read.get, operator_id, id);
      if (!found) return { deny: noAgent(id) };
      const grants = (await read.get(GRANT, operator_id, id)).state;
      const ids = Object.keys(grants.grants);
      return { write: removalWrites(operator_id, found.agent, ids, grants, []), value: { removed: ids.length } };
    });
    return answerOf(removeGrants, decided, (value) => value);
  };
}

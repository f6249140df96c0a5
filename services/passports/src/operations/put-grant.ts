/** `PUT /v1/agents/:id/grants/:connection_id` (api.md §5.3). */
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import type { Grant } from '@sallyport/contracts/objects/access.ts';
import { putGrant } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { inForce, loosenedRules, writeGrant } from '../domain/grant-rules.ts';
import { grantWrites, readGrantBasis } from '../granting.ts';

export function putGrantOperation(deps: Deps): OperationHandler<typeof putGrant> {
  return async ({ principal, params: { id, connection_id }, body, scope }) => {
    const { operator_id } = principal;
    const decided = await deps.ledger.decide<Grant>(scope, async (read) => {
      const found = await readGrantBasis(read, principal, id, connection_id);
      if (!found.ok) return { deny: found.denial };
      const { terms } = found.basis;
      const written = writeGrant(body, terms);
      if (!written.ok) return { deny: written.denial };
      const loosens = loosenedRules(inForce(terms.before, terms.connection, terms.settings), written.held);
      const refusal = governanceDenial(principal, loosens, found.basis.operator);
      if (refusal) return { deny: refusal };
      return { write: grantWrites(operator_id, written.held), value: written.held.grant };
    });
    return answerOf(putGrant, decided, (grant) => grant);
  };
}

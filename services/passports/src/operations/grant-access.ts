/** `POST /v1/services/grant` (api.md §5.3, the client's call): a grant with the defaults, or other scopes for one that exists. */
import type { Grant } from '@sallyport/contracts/objects/access.ts';
import { grantAccess } from '@sallyport/contracts/operations/agents.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { writeScopes } from '../domain/grant-rules.ts';
import { grantWrites, readGrantBasis } from '../granting.ts';

export function grantAccessOperation(deps: Deps): OperationHandler<typeof grantAccess> {
  return async ({ principal, body, scope }) => {
    const decided = await deps.ledger.decide<Grant>(scope, async (read) => {
      const found = await readGrantBasis(read, principal, body.agent_id, body.service_connection_id);
      if (!found.ok) return { deny: found.denial };
      const written = writeScopes(body.scopes, found.basis.terms);
      if (!written.ok) return { deny: written.denial };
      return { write: grantWrites(principal.operator_id, written.held), value: written.held.grant };
    });
    return answerOf(grantAccess, decided, (grant) => grant);
  };
}

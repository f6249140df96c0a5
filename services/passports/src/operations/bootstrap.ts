/** `POST /v1/bootstrap` (api.md §4): the first operator, its owner and its key, once per platform. */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { bootstrap } from '@sallyport/contracts/operations/operator.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { BOOTSTRAP, type MadeOperator, makeOperator } from '../making-operator.ts';

export function bootstrapOperation(deps: Deps): OperationHandler<typeof bootstrap> {
  return async ({ body, scopeFor }) => {
    const scope = scopeFor(PLATFORM, { type: 'system', id: 'bootstrap' });
    const decided = await deps.ledger.decide<MadeOperator>(scope, async (read) => {
      const done = await read.unique(PLATFORM, BOOTSTRAP);
      if (done) return { deny: denial('CONFLICT', 'An operator exists already.', { reason: 'already_bootstrapped' }) };
      if (!(await deps.bootstrap.isRight(body.bootstrap_token))) {
        return { deny: denial('UNAUTHORIZED', 'This is not the bootstrap token.', { reason: 'malformed' }) };
      }
      const { operator_name: name, owner_name, owner_email } = body;
      const { write, first, value } = await makeOperator(deps, read, { name, owner_name, owner_email });
      // First in the batch: whether it could be stored decides for all. What stands there is no second announcement of the operator.
      return { write: [{ unique: BOOTSTRAP, operator_id: PLATFORM, fact: first }, ...write], value };
    });
    if (decided.ok) await deps.bootstrap.remove();
    return answerOf(bootstrap, decided, (value) => value);
  };
}

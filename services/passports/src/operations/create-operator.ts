/** `operators.create` (api.md §4): a further operator, asked by the administrator on the host. Where none exists yet, it is the first, and the bootstrap is over. */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { createOperator } from '@sallyport/contracts/operations/operator.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { BOOTSTRAP, type MadeOperator, makeOperator } from '../making-operator.ts';

export function createOperatorOperation(deps: Deps): OperationHandler<typeof createOperator> {
  return async ({ body, scopeFor }) => {
    const scope = scopeFor(PLATFORM, { type: 'system', id: 'host' });
    const decided = await deps.ledger.decide<MadeOperator>(scope, async (read) => {
      const exists = (await read.unique(PLATFORM, BOOTSTRAP)) !== null;
      const { write, first, value } = await makeOperator(deps, read, body);
      return { write: exists ? write : [{ unique: BOOTSTRAP, operator_id: PLATFORM, fact: first }, ...write], value };
    });
    if (decided.ok) await deps.bootstrap.remove();
    return answerOf(createOperator, decided, (value) => value);
  };
}

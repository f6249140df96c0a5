/** `POST /v1/operator/freeze` and `unfreeze` (api.md §4). Idempotent: a second freeze keeps the first one's reason. */
import { draft } from '@sallyport/contracts/fact.ts';
import { operatorFrozen, operatorUnfrozen } from '@sallyport/contracts/facts/identity.ts';
import type { freeze, unfreeze } from '@sallyport/contracts/operations/operator.ts';
import { target } from '@sallyport/contracts/target.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { OPERATOR, operatorObject } from '../domain/operator.ts';
import { readOperator } from '../reading.ts';
import { fence } from '../writes.ts';

export function freezeOperation(deps: Deps, frozen: true): OperationHandler<typeof freeze>;
export function freezeOperation(deps: Deps, frozen: false): OperationHandler<typeof unfreeze>;
export function freezeOperation(deps: Deps, frozen: boolean): OperationHandler<typeof freeze | typeof unfreeze> {
  return async ({ operation, principal, body: { reason }, scope }) => {
    const { operator_id: id } = principal;
    const decided = await deps.ledger.decide(scope, async (read) => {
      const operator = await readOperator(read.get, id);
      if (operator.frozen === frozen) return { write: [], value: operatorObject(operator) };
      const fact = frozen ? draft(operatorFrozen, { reason }) : draft(operatorUnfrozen, { reason });
      const changed = { ...operator, frozen, frozen_reason: frozen ? reason : null };
      return {
        write: [
          { on: OPERATOR, operator_id: id, id, facts: [fact] },
          fence(id, 'operator', id, 'narrowed', [target('operator', id)], frozen ? 'frozen' : 'unfrozen'),
        ],
        value: operatorObject(changed),
      };
    });
    return answerOf(operation, decided, (value) => value);
  };
}

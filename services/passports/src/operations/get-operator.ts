/** `GET /v1/operator` (api.md §4). */
import type { getOperator } from '@sallyport/contracts/operations/operator.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { operatorObject } from '../domain/operator.ts';
import { readOperator } from '../reading.ts';

export function getOperatorOperation(deps: Deps): OperationHandler<typeof getOperator> {
  return async ({ operation, principal }) =>
    success(operation, operatorObject(await readOperator(deps.ledger.load, principal.operator_id)));
}

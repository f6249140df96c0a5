/** `PATCH /v1/operator` (api.md §4): name and settings, all of it or nothing. */
import { draft } from '@sallyport/contracts/fact.ts';
import { operatorUpdated } from '@sallyport/contracts/facts/people.ts';
import { governanceDenial } from '@sallyport/contracts/governance.ts';
import type { Operator } from '@sallyport/contracts/objects/operator.ts';
import { updateOperator } from '@sallyport/contracts/operations/operator.ts';
import { target } from '@sallyport/contracts/target.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { OPERATOR, operatorObject } from '../domain/operator.ts';
import { loosenedSettings, settingsChanges } from '../domain/operator-settings.ts';
import { readOperator } from '../reading.ts';
import { fence } from '../writes.ts';

export function updateOperatorOperation(deps: Deps): OperationHandler<typeof updateOperator> {
  return async ({ principal, body, scope }) => {
    const { operator_id: id } = principal;
    const decided = await deps.ledger.decide<Operator>(scope, async (read) => {
      const operator = await readOperator(read.get, id);
      const settings = settingsChanges(operator.settings, body.settings ?? {});
      const refusal = governanceDenial(principal, loosenedSettings(operator.settings, settings), operator);
      if (refusal) return { deny: refusal };
      const renamed = body.name != null && body.name !== operator.name ? body.name : null;
      const changesSettings = Object.keys(settings).length > 0;
      if (renamed === null && !changesSettings) return { write: [], value: operatorObject(operator) };
      const changes = { ...(renamed !== null && { name: renamed }), ...(changesSettings && { settings }) };
      const after = { ...operator, name: renamed ?? operator.name, settings: { ...operator.settings, ...settings } };
      return {
        write: [
          { on: OPERATOR, operator_id: id, id, facts: [draft(operatorUpdated, { changes })] },
          // Whatever anybody keeps of the settings has to be asked again.
          ...(changesSettings ? [fence(id, 'operator', id, 'narrowed', [target('operator', id)], 'settings changed')] : []),
        ],
        value: operatorObject(after),
      };
    });
    return answerOf(updateOperator, decided, (operator) => operator);
  };
}

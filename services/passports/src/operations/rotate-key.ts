/** `POST /v1/operator/rotate-key` (api.md §4): a new key; older ones die now or after the grace. */
import type { Write } from '@sallyport/bus/compose.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { keyCreated, keyRetired, operatorKeyRotated } from '@sallyport/contracts/facts/identity.ts';
import { rotateKey } from '@sallyport/contracts/operations/operator.ts';
import { target } from '@sallyport/contracts/target.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../deps.ts';
import { KEY, KEY_BY_HMAC } from '../domain/key.ts';
import { OPERATOR } from '../domain/operator.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { readOperator } from '../reading.ts';
import { fence } from '../writes.ts';

export function rotateKeyOperation(deps: Deps): OperationHandler<typeof rotateKey> {
  return async ({ principal, body, scope }) => {
    const { operator_id: operatorId } = principal;
    const grace = body.grace_seconds ?? 0;
    const { key, hmac } = deps.keys.newKey('operator');
    const decided = await deps.ledger.decide(scope, async (read) => {
      const operator = await readOperator(read.get, operatorId);
      const keyId = newId('key', read.now);
      const dies = read.now + grace * 1000;
      const old = operator.keys.filter(({ dies_at_ms }) => dies_at_ms === null || dies_at_ms > dies);
      const created = draft(keyCreated, { key_id: keyId, hmac, principal: { type: 'operator', id: operatorId } });
      const oldId = operator.keys.at(-1)?.key_id ?? '';
      const rotated = draft(operatorKeyRotated, { old_key_id: oldId, new_key_id: keyId, grace_seconds: grace });
      await Promise.all([read.get(KEY_BY_HMAC, PLATFORM, hmac), ...old.map(({ key_id }) => read.get(KEY, operatorId, key_id))]);
      const retired = old.flatMap(({ key_id }): Write[] => [
        { on: KEY, operator_id: operatorId, id: key_id, facts: [draft(keyRetired, { key_id, dies_at_ms: dies })] },
        fence(operatorId, 'key', key_id, 'narrowed', [target('key', key_id)], 'key rotated'),
      ]);
      return {
        write: [
          { on: OPERATOR, operator_id: operatorId, id: operatorId, facts: [rotated] },
          { on: KEY, operator_id: operatorId, id: keyId, facts: [created] },
          { on: KEY_BY_HMAC, operator_id: PLATFORM, id: hmac, facts: [created] },
          ...retired,
        ],
        value: { api_key: key, old_key_expires_at: iso(dies) },
      };
    });
    return answerOf(rotateKey, decided, (value) => value);
  };
}

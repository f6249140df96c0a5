/** `POST /v1/bootstrap` (api.md §4): the first operator, its owner and its key, once per platform. */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { keyCreated, memberAdded, operatorBootstrapped } from '@sallyport/contracts/facts/identity.ts';
import { DEFAULT_SETTINGS, type Member, type Operator } from '@sallyport/contracts/objects/operator.ts';
import { bootstrap } from '@sallyport/contracts/operations/operator.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../deps.ts';
import { KEY, KEY_BY_HMAC } from '../domain/key.ts';
import { OPERATOR } from '../domain/operator.ts';
import { iso } from '@sallyport/contracts/time.ts';

export const BOOTSTRAP = 'bootstrap';
const MEMBER = { kind: 'member' };

interface Made {
  operator: Operator;
  owner: Member;
  api_key: string;
  login_url: null;
}

export function bootstrapOperation(deps: Deps): OperationHandler<typeof bootstrap> {
  return async ({ body, scopeFor }) => {
    const { key, hmac } = deps.keys.newOperatorKey();
    const scope = scopeFor(PLATFORM, { type: 'system', id: 'bootstrap' });
    const decided = await deps.ledger.decide<Made>(scope, async (read) => {
      const done = await read.unique(PLATFORM, BOOTSTRAP);
      if (done) return { deny: denial('CONFLICT', 'An operator exists already.', { reason: 'already_bootstrapped' }) };
      if (!(await deps.bootstrap.isRight(body.bootstrap_token))) {
        return { deny: denial('UNAUTHORIZED', 'This is not the bootstrap token.', { reason: 'malformed' }) };
      }
      const operatorId = newId('operator', read.now);
      const ownerId = newId('member', read.now);
      const keyId = newId('key', read.now);
      const { operator_name: name, owner_name, owner_email: email } = body;
      const made = draft(operatorBootstrapped, {
        name,
        settings: DEFAULT_SETTINGS,
        owner_id: ownerId,
        audit_origin: `${new URL(deps.public_url).host}/audit/${operatorId}`,
        key_id: keyId,
      });
      const member = draft(memberAdded, { member_id: ownerId, name: owner_name, email, role: 'owner', status: 'active' });
      const created = draft(keyCreated, { key_id: keyId, hmac, principal: { type: 'operator', id: operatorId } });
      await read.get(KEY_BY_HMAC, PLATFORM, hmac);
      const now = iso(read.now);
      return {
        write: [
          // First in the batch: whether it could be stored decides for all. What stands there is no second announcement of the operator.
          { unique: BOOTSTRAP, operator_id: PLATFORM, fact: created },
          { on: OPERATOR, operator_id: operatorId, id: operatorId, facts: [made] },
          { on: MEMBER, operator_id: operatorId, id: ownerId, facts: [member] },
          { on: KEY, operator_id: operatorId, id: keyId, facts: [created] },
          { on: KEY_BY_HMAC, operator_id: PLATFORM, id: hmac, facts: [created] },
        ],
        value: {
          operator: { id: operatorId, name, created_at: now, frozen: false, frozen_reason: null, settings: DEFAULT_SETTINGS },
          owner: {
            id: ownerId,
            operator_id: operatorId,
            name: owner_name,
            email,
            role: 'owner',
            status: 'active',
            allowed_connections: null,
            created_at: now,
          },
          api_key: key,
          login_url: null,
        },
      };
    });
    if (decided.ok) await deps.bootstrap.remove();
    return answerOf(bootstrap, decided, (value) => value);
  };
}

/**
 * `POST /v1/passports/revoke` (api.md §11): one fact that names the passport; all that descends from it dies with it. Revoking what is dead already writes nothing,
 * but an expired passport is marked, so that it cannot be refreshed.
 */
import { target } from '@sallyport/contracts/target.ts';
import { revokePassport } from '@sallyport/contracts/operations/passports.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { announce, cutting, NO_PROPAGATION, propagation } from '../propagation.ts';
import { revokeSingle, type SingleRevocation } from '../revoking.ts';

const DEFAULT_REASON = 'Revoked';

export function revokePassportOperation(deps: Deps): OperationHandler<typeof revokePassport> {
  return async ({ principal, body, scope }) => {
    const { operator_id } = principal;
    const jti = body.jti;
    const reason = body.reason || DEFAULT_REASON;
    const shortJti = jti.slice(0, 64);
    const decided = await cutting(deps, operator_id, [target('line', shortJti), target('jti', shortJti)], () =>
      deps.ledger.decide<SingleRevocation>(scope, (read) =>
        revokeSingle(deps, read, { operator_id, jti, reason, by: `${principal.type}:${principal.id}`, as: principal }),
      ),
    );
    if (!decided.ok) return answerOf(revokePassport, decided, (value) => value);
    const { already_revoked, cascaded } = decided.value;
    const event = { type: 'single', operator_id, jti, cascaded, reason: decided.value.reason, at: decided.value.at };
    const reached = already_revoked ? NO_PROPAGATION : await propagation(deps, decided);
    if (!already_revoked) announce(deps, operator_id, event, 1 + cascaded.length);
    return answerOf(revokePassport, decided, () => ({ ...event, revoked: true, already_revoked, propagation: reached }));
  };
}

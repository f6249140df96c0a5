/** `POST /v1/passports/revoke-all` (api.md §11): every passport of the operator; `freeze` keeps agents with keys from getting new ones. */
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { operatorFrozen } from '@sallyport/contracts/facts/identity.ts';
import { revokeAll } from '@sallyport/contracts/operations/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { bulkAnswer, type Bulk, nothingLeft } from '../bulk-revocation.ts';
import type { Deps } from '../deps.ts';
import { OPERATOR } from '../domain/operator.ts';
import { livePassports } from '../projections/live-passports.ts';
import { cutting } from '../propagation.ts';
import { readOperator } from '../reading.ts';
import { fence, revokedDraft } from '../writes.ts';

export function revokeAllOperation(deps: Deps): OperationHandler<typeof revokeAll> {
  return async ({ principal, body, scope }) => {
    const { operator_id: id } = principal;
    const reason = body.reason || 'Revoked';
    const targets = [target('operator', id)];
    const decided = await cutting(deps, id, targets, () =>
      deps.ledger.decide<Bulk>(scope, async (read) => {
        const operator = await readOperator(read.get, id);
        const met = await livePassports(deps, id, { operator_id: id });
        const freezes = body.freeze === true && !operator.frozen;
        if (nothingLeft(met, operator.revocation) && !freezes) {
          const { reason: text, at_ms } = operator.revocation;
          return { write: [], value: { reason: text, at: at_ms, revoked_count: 0, cascaded_count: 0, already_revoked: true } };
        }
        const by = `${principal.type}:${principal.id}`;
        const fact = revokedDraft({ kind: 'bulk_operator', target: id, reason, cascaded: [], count: met.own.length, by }, {});
        const facts: DraftFact[] = freezes ? [draft(operatorFrozen, { reason }), fact] : [fact];
        return {
          write: [
            { on: OPERATOR, operator_id: id, id, facts },
            ...(freezes ? [fence(id, 'operator', id, 'narrowed', targets, 'frozen')] : []),
            fence(id, 'operator', id, 'revoked', targets, reason, true),
          ],
          value: { reason, at: read.now, revoked_count: met.own.length, cascaded_count: 0, already_revoked: false },
        };
      }),
    );
    return bulkAnswer(deps, revokeAll, id, decided, { type: 'bulk_operator' });
  };
}

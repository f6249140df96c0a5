/** `POST /v1/passports/revoke-session/:session_id` (api.md §11): a whole delegation family. */
import { notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { revokeSession } from '@sallyport/contracts/operations/passports.ts';
import { target } from '@sallyport/contracts/target.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { bulkAnswer, type Bulk, nothingLeft } from '../bulk-revocation.ts';
import type { Deps } from '../deps.ts';
import { SESSION } from '../domain/session.ts';
import { livePassports } from '../projections/live-passports.ts';
import { cutting } from '../propagation.ts';
import { fence, type RevokedFact, revokedDraft } from '../writes.ts';

export function revokeSessionOperation(deps: Deps): OperationHandler<typeof revokeSession> {
  return async ({ principal, params: { session_id: id }, body, scope }) => {
    const { operator_id } = principal;
    const reason = body.reason || 'Revoked';
    const decided = await cutting(deps, operator_id, [target('session', id.slice(0, 64))], () =>
      deps.ledger.decide<Bulk>(scope, async (read) => {
        if (!isId('session', id)) return { deny: notFound('Session', id) };
        const { revocation } = (await read.get(SESSION, operator_id, id)).state;
        const met = await livePassports(deps, operator_id, { session_id: id });
        if (met.own.length === 0 && met.complete && !(await isKnown(deps, operator_id, id))) return { deny: notFound('Session', id) };
        if (nothingLeft(met, revocation)) {
          const { reason: text, at_ms } = revocation;
          return { write: [], value: { reason: text, at: at_ms, revoked_count: 0, cascaded_count: 0, already_revoked: true } };
        }
        const by = `${principal.type}:${principal.id}`;
        const revoked: RevokedFact = { kind: 'bulk_session', target: id, reason, cascaded: [], count: met.own.length, by };
        return {
          write: [
            { on: SESSION, operator_id, id, facts: [revokedDraft(revoked, { session_id: id })] },
            fence(operator_id, 'session', id, 'revoked', [target('session', id)], reason, true),
          ],
          value: { reason, at: read.now, revoked_count: met.own.length, cascaded_count: 0, already_revoked: false },
        };
      }),
    );
    return bulkAnswer(deps, revokeSession, operator_id, decided, { type: 'bulk_session', session_id: id });
  };
}

async function isKnown({ database }: Deps, operatorId: string, sessionId: string): Promise<boolean> {
  const row = await database.db
    .selectFrom('passport')
    .select('jti')
    .where('operator_id', '=', operatorId)
    .where('session_id', '=', sessionId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * The passports that a removed member issued die where its removal asks for it (api.md §17). Idempotent: the operation does it at once, the consumer of the fact
 * again, so that neither a crash nor an issue that was on its way is missed.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { dataOf } from '@sallyport/contracts/fact.ts';
import { memberRemoved } from '@sallyport/contracts/facts/people.ts';
import { scopeAfter } from './consumers/consumer.ts';
import type { Deps } from './deps.ts';
import { revokeEach } from './holders.ts';
import { lastOfKind } from './reading.ts';

const REMOVED = 'Member removed';
const AT_ONCE_MS = 500;
const LATER_MS = 5_000;

export const REMOVAL_KINDS = ['member'];

/** False where the read model had not all of them in time. */
export async function revokeIssuedBy(deps: Deps, scope: Scope, memberId: string, waitMs = AT_ONCE_MS): Promise<boolean> {
  const { operator_id } = scope;
  const last = await lastOfKind(deps, operator_id, 'passport');
  if (last === 0) return true;
  const [known, complete] = await Promise.all([
    deps.members.waitFor(operator_id, last, waitMs),
    deps.model.waitFor(operator_id, last, waitMs),
  ]);
  const rows = await deps.database.db
    .selectFrom('member_passport')
    .innerJoin('passport', 'passport.jti', 'member_passport.jti')
    .select('passport.jti')
    .where('member_passport.member_id', '=', memberId)
    .where('passport.operator_id', '=', operator_id)
    // An expired one could still be refreshed, and one that was has a successor.
    .where('passport.status', 'in', ['active', 'lapsed', 'superseded'])
    .execute();
  await revokeEach(
    deps,
    scope,
    rows.map(({ jti }) => jti),
    REMOVED,
  );
  return known && complete;
}

export function revokeOnRemoval(deps: Deps): (entry: Entry) => Promise<void> {
  return async (entry) => {
    for (const fact of entry.facts()) {
      const removed = dataOf(memberRemoved, fact);
      if (!removed?.revoke_passports) continue;
      const complete = await revokeIssuedBy(deps, scopeAfter(fact, 'removals'), removed.member_id, LATER_MS);
      if (!complete) throw new Error('the read model has not all passports of a removed member');
    }
  };
}

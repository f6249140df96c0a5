/**
 * Members by address and operator, for lists and for sign-in by address; and the passports that members issued, for the removal of one. A projection of its own:
 * members were in the log before it was.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import { parseSubject } from '@sallyport/bus/subjects.ts';
import { dataOf } from '@sallyport/contracts/fact.ts';
import { passportIssued, passportRefreshed } from '@sallyport/contracts/facts/passports.ts';
import { eachEntry, type ProjectionOptions } from '@sallyport/projections/options.ts';
import type { Transaction } from 'kysely';
import { evolveMember, MEMBER } from '../domain/member.ts';
import type { Tables } from './tables.ts';

export const MEMBERS: Pick<ProjectionOptions<Tables>, 'name' | 'filters' | 'handle' | 'reset'> = {
  name: 'members',
  filters: (partition) => ['member', 'passport'].map((kind) => `ledger.${partition}.*.${kind}.*`),
  handle: eachEntry(async (tx, entry) => {
    const subject = parseSubject(entry.subject);
    if (subject?.type !== 'aggregate') return;
    await (subject.kind === 'member' ? projectMember(tx, subject.id, entry) : projectIssuer(tx, entry));
  }),
  reset: async (tx) => {
    await tx.deleteFrom('member').execute();
    await tx.deleteFrom('member_passport').execute();
  },
};

async function projectMember(tx: Transaction<Tables>, member_id: string, entry: Entry): Promise<void> {
  const row = await tx.selectFrom('member').select('state').where('member_id', '=', member_id).executeTakeFirst();
  let state = row?.state ?? MEMBER.initial();
  for (const [index, fact] of entry.facts().entries()) state = evolveMember(state, fact, { seq: entry.seq, index, ts_ms: entry.ts_ms });
  if (!state.exists) return;
  const { operator_id, status } = state;
  const values = { email: state.email.toLowerCase(), status, state: JSON.stringify(state) };
  await tx
    .insertInto('member')
    .values({ member_id, operator_id, ...values })
    .onConflict((conflict) => conflict.column('member_id').doUpdateSet(values))
    .execute();
}

async function projectIssuer(tx: Transaction<Tables>, entry: Entry): Promise<void> {
  for (const fact of entry.facts()) {
    const issued = fact.actor.type === 'member' ? (dataOf(passportIssued, fact) ?? dataOf(passportRefreshed, fact)) : null;
    if (!issued) continue;
    const row = { jti: issued.jti, member_id: fact.actor.id };
    await tx
      .insertInto('member_passport')
      .values(row)
      .onConflict((conflict) => conflict.column('jti').doNothing())
      .execute();
  }
}

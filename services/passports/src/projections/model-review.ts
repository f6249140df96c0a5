/** Runs that have ended and their reviews in the read model (api.md §13). A mission shows the last of its runs. */
import type { Fact, Position } from '@sallyport/contracts/fact.ts';
import type { Insertable, Transaction } from 'kysely';
import type { CheckedOut, Issued } from '../domain/passport.ts';
import { endedRun, evolveReview, REVIEW, type ReviewState, stateOf } from '../domain/review.ts';
import type { Tables } from './tables.ts';

export async function projectRun(tx: Transaction<Tables>, operatorId: string, issued: Issued, out: CheckedOut): Promise<void> {
  await tx
    .insertInto('review')
    .values(rowOf(operatorId, endedRun(issued, out)))
    // The review may have been opened by a message that stands before this one in the same batch.
    .onConflict((conflict) => conflict.column('checkout_id').doNothing())
    .execute();
}

export async function projectReview(tx: Transaction<Tables>, checkoutId: string, fact: Fact, at: Position): Promise<void> {
  const row = await tx.selectFrom('review').select('review').where('checkout_id', '=', checkoutId).executeTakeFirst();
  const review = evolveReview(row?.review ?? REVIEW.initial(), fact, at);
  if (!review.exists) return;
  const values = rowOf(fact.operator_id, review);
  await tx
    .insertInto('review')
    .values(values)
    .onConflict((conflict) => conflict.column('checkout_id').doUpdateSet(values))
    .execute();
  const { review_status, flags } = review;
  await tx
    .updateTable('mission')
    .set({ review_status, flags: JSON.stringify(flags) })
    .where('mission_id', '=', review.mission_id)
    .execute();
}

function rowOf(operator_id: string, review: ReviewState): Insertable<Tables['review']> {
  const { checkout_id, agent_id, mission_id, review_status } = review;
  const review_id = review.exists ? review.review_id : null;
  return {
    checkout_id,
    operator_id,
    agent_id,
    mission_id,
    review_status,
    state: stateOf(review),
    review_id,
    review: JSON.stringify(review),
  };
}

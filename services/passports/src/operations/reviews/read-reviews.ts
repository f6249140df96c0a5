/** `GET /v1/passports/reviews` and `GET /v1/passports/reviews/:checkout_id` (api.md §13). */
import { refuse } from '@sallyport/contracts/call.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { getReview, listReviews } from '@sallyport/contracts/operations/reviews.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { REVIEW, reviewObject, type ReviewState } from '../../domain/review.ts';
import { waitForSeen } from '../../reading.ts';

const PAGE = 20;

export function noReview(checkoutId: string): Denial {
  return notFound('Review', checkoutId);
}

export function listReviewsOperation(deps: Deps): OperationHandler<typeof listReviews> {
  return async ({ operation, principal: { operator_id }, query, call }) => {
    const late = await waitForSeen(deps, operator_id, call.min_event_seq);
    if (late) return refuse(late);
    const status = query.status ?? 'flagged';
    const state = query.state ?? 'open';
    const limit = query.limit ?? PAGE;
    // One picture: a page and a total that contradict each other are worse than old ones.
    const reading = deps.database.db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
    const { found, counted } = await reading.execute(async (tx) => {
      let rows = tx.selectFrom('review').where('operator_id', '=', operator_id);
      if (status !== 'all') rows = rows.where('review_status', '=', status);
      // A clean run opened no review, so there is nothing to be in a state.
      if (state !== 'all' && status !== 'clean') rows = rows.where('state', '=', state);
      if (query.agent_id) rows = rows.where('agent_id', '=', query.agent_id);
      if (query.mission_id) rows = rows.where('mission_id', '=', query.mission_id);
      const page = rows
        .select('review')
        .orderBy('checkout_id', 'desc')
        .offset(((query.page ?? 1) - 1) * limit)
        .limit(limit);
      const total = rows.select((select) => select.fn.countAll<number>().as('count'));
      return { found: await page.execute(), counted: await total.executeTakeFirst() };
    });
    return success(operation, { items: found.map(({ review }) => reviewObject(review)), total: Number(counted?.count ?? 0) });
  };
}

export function getReviewOperation(deps: Deps): OperationHandler<typeof getReview> {
  return async ({ operation, principal: { operator_id }, params: { checkout_id }, call }) => {
    if (!isId('checkout', checkout_id)) return refuse(noReview(checkout_id));
    const late = await waitForSeen(deps, operator_id, call.min_event_seq);
    if (late) return refuse(late);
    const review = await reviewOf(deps, operator_id, checkout_id);
    return review ? success(operation, reviewObject(review)) : refuse(noReview(checkout_id));
  };
}

/** From the log; a clean run, of which the log has no review, from the read model. */
async function reviewOf(deps: Deps, operatorId: string, checkoutId: string): Promise<ReviewState | null> {
  const { state } = await deps.ledger.load(REVIEW, operatorId, checkoutId);
  if (state.exists) return state;
  const row = await deps.database.db
    .selectFrom('review')
    .select('review')
    .where('operator_id', '=', operatorId)
    .where('checkout_id', '=', checkoutId)
    .executeTakeFirst();
  return row?.review ?? null;
}

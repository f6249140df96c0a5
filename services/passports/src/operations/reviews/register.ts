/** Reviews: reading and deciding (api.md §13). */
import type { Handlers } from '@sallyport/service-kit/handler.ts';
import * as reviews from '@sallyport/contracts/operations/reviews.ts';
import type { Deps } from '../../deps.ts';
import { decideReviewOperation } from './decide-review.ts';
import { getReviewOperation, listReviewsOperation } from './read-reviews.ts';

export function registerReviews(made: Handlers, deps: Deps): void {
  made
    .on(reviews.listReviews, listReviewsOperation(deps))
    .on(reviews.getReview, getReviewOperation(deps))
    .on(reviews.decideReview, decideReviewOperation(deps));
}

/** Signed operator reviews (api.md §7, §24): none before signed claims exist, but the mission has to. */
import { refuse } from '@sallyport/contracts/call.ts';
import { notFound } from '@sallyport/contracts/errors.ts';
import type { downloadOperatorReview, operatorReviews } from '@sallyport/contracts/operations/missions.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { missionNotFound } from '../../domain/mission.ts';
import { ownMission } from '../../reading.ts';

export function operatorReviewsOperation(deps: Deps): OperationHandler<typeof operatorReviews> {
  return async ({ operation, principal, params: { id } }) =>
    (await ownMission(deps.ledger.load, principal, id)) ? success(operation, { items: [] }) : refuse(missionNotFound(id));
}

export function downloadOperatorReviewOperation(deps: Deps): OperationHandler<typeof downloadOperatorReview> {
  return async ({ principal, params: { id, claim_id } }) =>
    refuse((await ownMission(deps.ledger.load, principal, id)) ? notFound('Operator review', claim_id) : missionNotFound(id));
}

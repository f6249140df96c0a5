/** Facts about reviews; written by `passports` (api.md §13). On the review's own aggregate, under its `checkout_id`. */
import { Type } from 'typebox';
import { factType } from '../fact.ts';
import { FlagDetail, REVIEW_DECISIONS } from '../objects/review.ts';
import { Flag } from '../objects/passport.ts';
import { nullable, oneOf } from '../schema.ts';

const found = { flags: Type.Array(Flag), flag_details: Type.Array(FlagDetail), event_ids: Type.Array(Type.String()) };

/** In the batch of the run's `mission.checked_out`, or of a later finding that opens it. Times are Unix ms. */
export const reviewOpened = factType(
  'review.opened',
  1,
  Type.Object({
    review_id: Type.String(),
    checkout_id: Type.String(),
    agent_name: Type.String(),
    intent_summary: Type.String(),
    review_status: oneOf(['flagged', 'blocked']),
    ended_by: oneOf(['checkout', 'revoked', 'lapsed']),
    submitted_at_ms: Type.Integer(),
    ...found,
  }),
);
/** The findings of a run whose review was still pending at its end; `clean` where there were none after all. */
export const reviewCorrected = factType(
  'review.corrected',
  1,
  Type.Object({ review_id: Type.String(), checkout_id: Type.String(), review_status: oneOf(['clean', 'flagged', 'blocked']), ...found }),
);
export const reviewDecided = factType(
  'review.decided',
  1,
  Type.Object({
    review_id: Type.String(),
    checkout_id: Type.String(),
    decision: oneOf(REVIEW_DECISIONS),
    notes: nullable(Type.String()),
    block_future: Type.Boolean(),
    /** Of the agent, after it. */
    passport_blocked: Type.Boolean(),
    /** Types of the flags that the decision was made in sight of. */
    flags_seen: Type.Array(Type.String()),
  }),
);

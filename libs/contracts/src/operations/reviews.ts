/** Reviews (api.md §13). */
import { Type } from 'typebox';
import { BUCKETS, Review, REVIEW_DECISIONS, REVIEW_STATES } from '../objects/review.ts';
import { E_ID, E_READ, E_WRITE, operation } from '../operation.ts';
import { idOf, oneOf, opt, text } from '../schema.ts';

const checkoutId = Type.Object({ checkout_id: Type.String() });

export const listReviews = operation({
  name: 'reviews.list',
  owner: 'passports',
  summary: 'Runs and what was found in them',
  who: ['R'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/passports/reviews', status: 200 },
  query: Type.Object({
    status: opt(oneOf([...BUCKETS, 'all'])),
    state: opt(oneOf([...REVIEW_STATES, 'all'])),
    agent_id: opt(Type.String()),
    mission_id: opt(Type.String()),
    page: opt(Type.Integer({ minimum: 1 })),
    limit: opt(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  response: Type.Object({ items: Type.Array(Review), total: Type.Integer() }),
  errors: [...E_READ, ...E_ID],
});

export const getReview = operation({
  name: 'reviews.get',
  owner: 'passports',
  summary: 'One review',
  who: ['R'],
  scope: 'passports:read',
  http: { method: 'GET', path: '/v1/passports/reviews/:checkout_id', status: 200 },
  params: checkoutId,
  response: Review,
  errors: [...E_READ, ...E_ID],
});

export const decideReview = operation({
  name: 'reviews.decide',
  owner: 'passports',
  summary: 'Decide on a review; a later decision may be appended',
  who: ['A'],
  scope: 'passports:write',
  http: { method: 'POST', path: '/v1/passports/reviews/:checkout_id/decide', status: 200 },
  single_use: true,
  params: checkoutId,
  body: Type.Object({ decision: oneOf(REVIEW_DECISIONS), notes: opt(text(0, 1000)), block_future: opt(Type.Boolean()) }),
  response: Type.Object({
    review_id: idOf('review'),
    agent_id: idOf('agent'),
    decision: oneOf(REVIEW_DECISIONS),
    passport_blocked: Type.Boolean(),
  }),
  errors: [...E_WRITE, ...E_ID, 'GOVERNANCE_APPROVAL_REQUIRED'],
});

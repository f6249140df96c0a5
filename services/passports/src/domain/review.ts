/** The review of one run: what was found, and what people decided about it (api.md §13; detectors.md 3.3). Pure. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { reviewCorrected, reviewDecided, reviewOpened } from '@sallyport/contracts/facts/reviews.ts';
import type { FlagDetail, Review } from '@sallyport/contracts/objects/review.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';
import type { CheckedOut, Issued } from './passport.ts';

/** What detectors say about a run. */
export interface Findings {
  flags: Flag[];
  flag_details: FlagDetail[];
  event_ids: string[];
}

export const NO_FINDINGS: Findings = { flags: [], flag_details: [], event_ids: [] };

export interface ReviewState extends Findings {
  exists: boolean;
  review_id: string;
  checkout_id: string;
  jti: string;
  agent_id: string;
  agent_name: string;
  intent_summary: string;
  mission_id: string;
  review_status: Review['review_status'];
  submitted_at_ms: number;
  decided: { decision: NonNullable<Review['decision']>; notes: string | null; by: { type: string; id: string }; at_ms: number } | null;
}

export const REVIEW = {
  kind: 'review',
  initial: (): ReviewState => ({
    exists: false,
    review_id: '',
    checkout_id: '',
    jti: '',
    agent_id: '',
    agent_name: '',
    intent_summary: '',
    mission_id: '',
    review_status: 'clean',
    submitted_at_ms: 0,
    ...NO_FINDINGS,
    decided: null,
  }),
  evolve: evolveReview,
};

export function evolveReview(state: ReviewState, fact: Fact, at: Position): ReviewState {
  const opened = dataOf(reviewOpened, fact);
  if (opened) {
    const { ended_by: _ended, ...shown } = opened;
    const { jti = '', agent_id = '', mission_id = '' } = fact;
    return { ...state, ...shown, exists: true, jti, agent_id, mission_id };
  }
  const corrected = dataOf(reviewCorrected, fact);
  if (corrected) {
    const { review_status, flags, flag_details, event_ids } = corrected;
    return { ...state, review_status, flags, flag_details, event_ids };
  }
  const decided = dataOf(reviewDecided, fact);
  if (!decided) return state;
  const { decision, notes } = decided;
  return { ...state, decided: { decision, notes, by: fact.actor, at_ms: at.ts_ms } };
}

export function reviewObject(state: ReviewState): Review {
  const { decided } = state;
  return {
    checkout_id: state.checkout_id,
    passport_jti: state.jti,
    agent_id: state.agent_id,
    agent_name: state.agent_name,
    intent_summary: state.intent_summary,
    review_status: state.review_status,
    flags: state.flags,
    submitted_at: iso(state.submitted_at_ms),
    review_id: state.exists ? state.review_id : null,
    mission_id: state.mission_id,
    state: stateOf(state),
    flag_details: state.flag_details,
    event_ids: state.event_ids,
    decision: decided?.decision ?? null,
    notes: decided?.notes ?? null,
    decided_by: decided && { type: decided.by.type, id: decided.by.id },
    decided_at: isoOrNull(decided?.at_ms ?? null),
  };
}

/** A review of a run that turned out clean waits for nobody. */
export function stateOf(state: Pick<ReviewState, 'exists' | 'decided' | 'review_status'>): Review['state'] {
  if (!state.exists) return null;
  return state.decided?.decision ?? (state.review_status === 'clean' ? 'approved' : 'open');
}

/** A run that has ended, before anybody opened a review of it. */
export function endedRun(issued: Issued, out: CheckedOut): ReviewState {
  return {
    ...REVIEW.initial(),
    checkout_id: out.checkout_id,
    jti: issued.jti,
    agent_id: issued.agent_id,
    agent_name: issued.agent_name,
    intent_summary: issued.intent_summary,
    mission_id: issued.mission_id,
    review_status: out.review_status,
    flags: out.flags,
    submitted_at_ms: out.checked_out_at_ms,
  };
}

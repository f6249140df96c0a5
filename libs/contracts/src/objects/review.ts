/** The review of one passport run (api.md §13; detectors.md 3.2, 3.3). */
import { type Static, Type } from 'typebox';
import { idOf, nullable, oneOf, Time } from '../schema.ts';
import { Flag } from './passport.ts';

export const BUCKETS = ['clean', 'flagged', 'blocked'] as const;
export const REVIEW_STATES = ['open', 'approved', 'confirmed', 'blocked'] as const;
export const REVIEW_DECISIONS = ['approved', 'blocked', 'confirmed'] as const;

/** `evidence`: ids of the events (`evt_…`) that the flag rests on. */
export const FlagDetail = Type.Object({
  type: Type.String(),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  evidence: Type.Array(Type.String()),
});
export type FlagDetail = Static<typeof FlagDetail>;

export const Review = Type.Object({
  checkout_id: idOf('checkout'),
  passport_jti: idOf('passport'),
  agent_id: idOf('agent'),
  agent_name: Type.String(),
  intent_summary: Type.String(),
  review_status: oneOf(BUCKETS),
  flags: Type.Array(Flag),
  submitted_at: Time,
  /** Null, like `state`, for a clean run: it opens no review. */
  review_id: nullable(idOf('review')),
  mission_id: idOf('mission'),
  state: nullable(oneOf(REVIEW_STATES)),
  flag_details: Type.Array(FlagDetail),
  /** Security events of the run. */
  event_ids: Type.Array(Type.String()),
  /** The last one; earlier ones stand in the audit chain. */
  decision: nullable(oneOf(REVIEW_DECISIONS)),
  notes: nullable(Type.String()),
  decided_by: nullable(Type.Object({ type: Type.String(), id: Type.String() })),
  decided_at: nullable(Time),
});
export type Review = Static<typeof Review>;

/**
 * One passport from issue to its end (api.md §6). What kills it from outside (agent, session, mission, operator, parents) is in `life.ts`.
 *
 * A passport and its refreshes are one line. The aggregate of the line's first passport is its head: revocations of any of them and delegations are written there,
 * and every refresh and checkout too, so that none of these can pass another unseen. Pure.
 */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import {
  checkpointRecorded,
  missionCheckedOut,
  passportDelegated,
  passportIssued,
  passportLapsed,
  passportLineChanged,
  passportRefreshed,
  passportRevoked,
  passportRevokeCascaded,
  passportSuperseded,
} from '@sallyport/contracts/facts/passports.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import type { Static } from 'typebox';

export type Issued = Static<typeof passportIssued.data>;
export type CheckedOut = Static<typeof missionCheckedOut.data>;

export interface PassportState {
  issued: Issued | null;
  operator_id: string;
  issued_seq: number;
  /** The server-side expiry: moved by checkpoints. */
  expires_at_ms: number;
  checkpoints: number;
  last_checkpoint_at_ms: number | null;
  revoked: { seq: number; at_ms: number; reason: string } | null;
  /** The jti that took this one's place. */
  superseded_by: string | null;
  superseded_at_ms: number | null;
  /** Of a head: the jti that stands for the line now, if it is another one; and the first jtis of the lines that were delegated from it. */
  current: string | null;
  children: string[];
  /** Explained by the cascade's consumer; decides nothing. */
  cascaded: boolean;
  lapsed_at_ms: number | null;
  checked_out: { data: CheckedOut; claim_id: string; seq: number } | null;
}

export const PASSPORT = {
  kind: 'passport',
  initial: (): PassportState => ({
    issued: null,
    operator_id: '',
    issued_seq: 0,
    expires_at_ms: 0,
    checkpoints: 0,
    last_checkpoint_at_ms: null,
    revoked: null,
    superseded_by: null,
    superseded_at_ms: null,
    current: null,
    children: [],
    cascaded: false,
    lapsed_at_ms: null,
    checked_out: null,
  }),
  evolve: evolvePassport,
};

export function evolvePassport(state: PassportState, fact: Fact, at: Position): PassportState {
  const issued = dataOf(passportIssued, fact);
  if (issued) return { ...state, issued, operator_id: fact.operator_id, issued_seq: at.seq, expires_at_ms: issued.expires_at_ms };
  const refreshed = dataOf(passportRefreshed, fact);
  if (refreshed) {
    const { superseded: _old, checkpoints, last_checkpoint_at_ms, ...whole } = refreshed;
    const own = { operator_id: fact.operator_id, issued_seq: at.seq, expires_at_ms: whole.expires_at_ms };
    return { ...state, issued: whole, ...own, checkpoints, last_checkpoint_at_ms };
  }
  const superseded = dataOf(passportSuperseded, fact);
  if (superseded) {
    const isHead = state.issued?.line === superseded.jti;
    return { ...state, superseded_by: superseded.by, superseded_at_ms: at.ts_ms, ...(isHead && { current: superseded.by }) };
  }
  const moved = dataOf(passportLineChanged, fact);
  if (moved) return { ...state, current: moved.current };
  const delegated = dataOf(passportDelegated, fact);
  if (delegated) return { ...state, children: [...state.children, delegated.child_jti] };
  const checkpoint = dataOf(checkpointRecorded, fact);
  if (checkpoint) {
    return {
      ...state,
      checkpoints: checkpoint.number,
      last_checkpoint_at_ms: checkpoint.recorded_at_ms,
      // A checkpoint can shorten nothing (detectors.md 5.2).
      expires_at_ms: Math.max(state.expires_at_ms, checkpoint.expires_at_ms ?? 0),
    };
  }
  const revoked = dataOf(passportRevoked, fact);
  if (revoked?.kind === 'single') {
    return state.revoked ? state : { ...state, revoked: { seq: at.seq, at_ms: at.ts_ms, reason: revoked.reason } };
  }
  if (dataOf(passportRevokeCascaded, fact)) return { ...state, cascaded: true };
  if (dataOf(passportLapsed, fact)) return state.lapsed_at_ms === null ? { ...state, lapsed_at_ms: at.ts_ms } : state;
  const out = dataOf(missionCheckedOut, fact);
  if (out && !state.checked_out) return { ...state, checked_out: { data: out, claim_id: auditIdOf(fact.id), seq: at.seq } };
  return state;
}

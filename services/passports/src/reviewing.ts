/**
 * The review of a run inside a decision (api.md §13): opened in the batch that ends the run, corrected by a later one, with the block that the bucket asks for. What
 * people decide is in `operations/reviews`.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { agentBlocked } from '@sallyport/contracts/facts/identity.ts';
import { reviewCorrected, reviewOpened } from '@sallyport/contracts/facts/reviews.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from './deps.ts';
import { AGENT, presentAgent } from './domain/agent.ts';
import type { Bucket } from './domain/checkout.ts';
import type { CheckedOut, Issued } from './domain/passport.ts';
import { type Findings, REVIEW } from './domain/review.ts';
import { livePassports } from './projections/live-passports.ts';
import { narrowedAgent, revokedAgent, revokedDraft } from './writes.ts';

export interface Reviewing {
  write: Write[];
  /** Null: a clean run. */
  review_id: string | null;
  /** Of the agent's passports, for the event; null: none. */
  revoked: { reason: string; revoked_count: number; cascaded_count: number } | null;
}

/** Opens the review of a run that ends, or ended, with these findings. */
export async function openReview(
  deps: Deps,
  read: Reader,
  operatorId: string,
  issued: Issued,
  out: Pick<CheckedOut, 'checkout_id' | 'ended_by' | 'checked_out_at_ms'>,
  findings: Findings,
  bucket: Bucket,
): Promise<Reviewing> {
  if (bucket.review_status === 'clean') return { write: [], review_id: null, revoked: null };
  const { agent_id, session_id, mission_id, jti, agent_name, intent_summary } = issued;
  const { checkout_id, ended_by, checked_out_at_ms: submitted_at_ms } = out;
  await read.get(REVIEW, operatorId, checkout_id);
  const review_id = newId('review', read.now);
  const { review_status } = bucket;
  const opened = draft(
    reviewOpened,
    { review_id, checkout_id, agent_name, intent_summary, review_status, ended_by, submitted_at_ms, ...findings },
    { agent_id, session_id, mission_id, jti },
  );
  const blocking = await blockFor(deps, read, operatorId, issued, bucket, findings, review_id);
  return {
    write: [{ on: REVIEW, operator_id: operatorId, id: checkout_id, facts: [opened] }, ...blocking.write],
    review_id,
    revoked: blocking.revoked,
  };
}

/** Puts the findings of a pending review in place; the aggregate was read by the caller. */
export async function correctReview(
  deps: Deps,
  read: Reader,
  operatorId: string,
  issued: Issued,
  review: { review_id: string; checkout_id: string },
  findings: Findings,
  bucket: Bucket,
): Promise<Pick<Reviewing, 'write' | 'revoked'>> {
  const { agent_id, session_id, mission_id, jti } = issued;
  const { review_id, checkout_id } = review;
  const corrected = draft(
    reviewCorrected,
    { review_id, checkout_id, review_status: bucket.review_status, ...findings },
    { agent_id, session_id, mission_id, jti },
  );
  const blocking = await blockFor(deps, read, operatorId, issued, bucket, findings, review_id);
  return {
    write: [{ on: REVIEW, operator_id: operatorId, id: checkout_id, facts: [corrected] }, ...blocking.write],
    revoked: blocking.revoked,
  };
}

/** `blocked` stops further issues; for an enforced agent with a critical finding it revokes what is live. */
async function blockFor(
  deps: Deps,
  read: Reader,
  operatorId: string,
  issued: Issued,
  bucket: Bucket,
  { flags }: Findings,
  review_id: string,
): Promise<Pick<Reviewing, 'write' | 'revoked'>> {
  if (bucket.review_status !== 'blocked') return { write: [], revoked: null };
  const { agent_id } = issued;
  const { state } = await read.get(AGENT, operatorId, agent_id);
  if (!presentAgent(state)) return { write: [], revoked: null };
  const reason = reviewBlock(flags);
  const facts: DraftFact[] = [];
  // A block that stands stays whose it is; a warning's gives way to a critical one.
  if (state.blocked_by === null || (state.blocked_by === 'warning' && bucket.critical)) {
    facts.push(draft(agentBlocked, { reason, by: bucket.critical ? 'review' : 'warning', review_id }, { agent_id }));
  }
  const revokes = bucket.critical && issued.mode === 'enforced';
  if (!revokes)
    return {
      write: [{ on: AGENT, operator_id: operatorId, id: agent_id, facts }, narrowedAgent(operatorId, agent_id, reason)],
      revoked: null,
    };
  const live = await livePassports(deps, operatorId, { agent_id });
  const own = live.own.filter((jti) => jti !== issued.jti);
  const revoked = { kind: 'bulk_agent', target: agent_id, reason, cascaded: live.descendants, count: own.length, by: null } as const;
  facts.push(revokedDraft(revoked, { agent_id }));
  return {
    write: [
      { on: AGENT, operator_id: operatorId, id: agent_id, facts },
      narrowedAgent(operatorId, agent_id, reason),
      revokedAgent(operatorId, agent_id, reason, false),
    ],
    revoked: { reason, revoked_count: own.length, cascaded_count: live.descendants.length },
  };
}

/** The published reason of a block by a review. */
export function reviewBlock(flags: readonly { type: string }[]): string {
  return `review_block: ${[...new Set(flags.map(({ type }) => type))].join(', ')}`.slice(0, 500);
}

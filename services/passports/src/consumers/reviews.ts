/**
 * The review of runs that nobody checked out: revoked or lapsed ones get their `checkout_id` here (api.md §13). Also the correction of reviews that were pending, and
 * the review that an adversarial revocation of a mission opens whatever was found. Each looks at the facts first: twice is once.
 */
import type { Entry } from '@sallyport/bus/follow.ts';
import { dataOf, draft, type Fact } from '@sallyport/contracts/fact.ts';
import { missionCheckedOut, missionRevoked, passportLapsed, passportRevoked } from '@sallyport/contracts/facts/passports.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from '../deps.ts';
import { bucketOf } from '../domain/checkout.ts';
import { lifeOf } from '../domain/life.ts';
import { type CheckedOut, PASSPORT } from '../domain/passport.ts';
import { type Findings, REVIEW } from '../domain/review.ts';
import { isRecord } from '../field-idempotency.ts';
import { announce } from '../propagation.ts';
import { readFamily, readMission, readPassport } from '../reading.ts';
import { findingsOf, isPending } from '../review.ts';
import { correctReview, openReview, type Reviewing } from '../reviewing.ts';
import { scopeAfter } from './consumer.ts';

export const REVIEWED_KINDS = ['operator', 'agent', 'session', 'mission', 'passport'] as const;

const WAIT_MS = 2_000;
const AGAIN_MS = 5_000;
const SERVICE = 'passports';
const NOTIFY = { on_warning: 'notify', on_critical: 'notify' } as const;

export function reviewRuns(deps: Deps): (entry: Entry) => Promise<void> {
  return async (entry) => {
    for (const fact of entry.facts()) {
      if (dataOf(passportLapsed, fact) && fact.jti !== undefined) await reviewRun(deps, fact, fact.jti);
      if (dataOf(passportRevoked, fact)) for (const jti of await endedBy(deps, fact, entry.seq)) await reviewRun(deps, fact, jti);
      const revoked = dataOf(missionRevoked, fact);
      if (revoked?.terminal_state === 'revoked_adversarial') await reviewMission(deps, fact, entry.seq);
      const out = dataOf(missionCheckedOut, fact);
      if (out && isPending(out) && fact.jti !== undefined)
        await deps.timers.arm('review', fact.jti, deps.clock.now() + AGAIN_MS, { operator_id: fact.operator_id });
    }
  };
}

/** Every passport that this revocation ended. */
async function endedBy(deps: Deps, { operator_id }: Fact, seq: number): Promise<string[]> {
  if (!(await deps.model.waitFor(operator_id, seq, WAIT_MS))) throw new Error('the read model is behind');
  const rows = await deps.database.db
    .selectFrom('passport')
    .select('jti')
    .where('ended_seq', '=', seq)
    .where('operator_id', '=', operator_id)
    .orderBy('jti')
    .execute();
  return rows.map(({ jti }) => jti);
}

/** Ends the run in the record, with what was found in it. `adversarial`: somebody said that it was an attack. */
async function reviewRun(deps: Deps, cause: Fact, jti: string, adversarial = false): Promise<boolean> {
  const { operator_id } = cause;
  const before = await readPassport(deps.ledger.load, operator_id, jti);
  // Where a refresh took its place, the run is its successor's.
  if (!before || before.checked_out || before.superseded_by !== null || before.issued.mode === 'standard') return false;
  const { issued } = before;
  const found = await findingsOf(deps, { request_id: cause.request_id ?? '' }, operator_id, issued);
  const decided = await deps.ledger.decide<Reviewing | null>(scopeAfter(cause, SERVICE), async (read) => {
    const passport = await readPassport(read.get, operator_id, jti);
    if (!passport || passport.checked_out) return { write: [], value: null };
    const family = await readFamily(read.get, operator_id, passport);
    const life = lifeOf(family, read.now);
    // Where a refresh took its place, the run goes on.
    if (life.state !== 'revoked' && life.state !== 'lapsed') return { write: [], value: null };
    const findings = adversarial ? accused(found) : found;
    const bucket = bucketOf(findings.flags, issued.mode, family.self.agent.agent ?? NOTIFY);
    if (adversarial && bucket.review_status === 'clean') bucket.review_status = 'flagged';
    const checkout_id = newId('checkout', read.now);
    const data: CheckedOut = {
      checkout_id,
      services_used: [],
      actions_count: null,
      tool_calls: {},
      delegated_to: [],
      summary: '',
      outcome: life.state,
      keep_children: false,
      checked_out_at_ms: read.now,
      ended_by: life.state,
      review_status: bucket.review_status,
      flags: findings.flags,
      reviewed: bucket.reviewed,
    };
    const { agent_id, session_id, mission_id } = issued;
    const fact = draft(missionCheckedOut, data, { agent_id, session_id, mission_id, jti });
    const review = await openReview(deps, read, operator_id, issued, data, findings, bucket);
    return { write: [{ on: PASSPORT, operator_id, id: jti, facts: [fact] }, ...review.write], value: review };
  });
  if (!decided.ok || !decided.value) return false;
  announceBlock(deps, operator_id, issued.agent_id, decided.value.revoked);
  return decided.value.review_id !== null;
}

const ACCUSED: Flag = { type: 'revoked_adversarial', severity: 'info', message: 'The mission was revoked as adversarial' };

function accused(found: Findings): Findings {
  return { ...found, flags: [...found.flags, ACCUSED] };
}

/** At least one run of the mission gets a review: those that end with it, else the last one that ended before. */
async function reviewMission(deps: Deps, cause: Fact, seq: number): Promise<void> {
  const { operator_id, mission_id } = cause;
  if (mission_id === undefined) return;
  if (!(await deps.model.waitFor(operator_id, seq, WAIT_MS))) throw new Error('the read model is behind');
  const mission = await readMission(deps.ledger.load, operator_id, mission_id);
  if (!mission) return;
  const runs = mission.passports.map(({ jti }) => jti).reverse();
  for (const jti of runs) await reviewRun(deps, cause, jti, true);
  for (const jti of runs) {
    const passport = await readPassport(deps.ledger.load, operator_id, jti);
    const out = passport?.checked_out?.data;
    if (!passport || !out || passport.issued.mode === 'standard') continue;
    if (out.review_status !== 'clean') return;
    const decided = await deps.ledger.decide<Reviewing | null>(scopeAfter(cause, SERVICE), async (read) => {
      if ((await read.get(REVIEW, operator_id, out.checkout_id)).state.exists) return { write: [], value: null };
      const findings = accused({ flags: out.flags, flag_details: [], event_ids: [] });
      const bucket = { review_status: 'flagged', reviewed: true, critical: false } as const;
      const review = await openReview(deps, read, operator_id, passport.issued, out, findings, bucket);
      return { write: review.write, value: review };
    });
    if (decided.ok) return;
  }
}

/** The findings of a pending review, asked again until the detectors answer. */
export async function reviewDue(deps: Deps, jti: string, payload: unknown): Promise<void> {
  const operator_id = isRecord(payload) ? payload['operator_id'] : null;
  if (!isId('operator', operator_id)) return;
  const passport = await readPassport(deps.ledger.load, operator_id, jti);
  const out = passport?.checked_out?.data;
  if (!passport || !out || !isPending(out)) return;
  const { issued } = passport;
  const found = await findingsOf(deps, { request_id: '' }, operator_id, issued);
  if (isPending(found)) throw new Error('the detectors have not answered yet');
  const decided = await deps.ledger.decide<Pick<Reviewing, 'revoked'> | null>(
    { operator_id, actor: { type: 'service', id: SERVICE } },
    async (read) => {
      const [{ state: review }, family] = await Promise.all([
        read.get(REVIEW, operator_id, out.checkout_id),
        readFamily(read.get, operator_id, passport),
      ]);
      if (!review.exists || !isPending(review)) return { write: [], value: null };
      const bucket = bucketOf(found.flags, issued.mode, family.self.agent.agent ?? NOTIFY);
      const corrected = await correctReview(deps, read, operator_id, issued, review, found, bucket);
      return { write: corrected.write, value: { revoked: corrected.revoked } };
    },
  );
  if (decided.ok && decided.value) announceBlock(deps, operator_id, issued.agent_id, decided.value.revoked);
}

export function announceBlock(deps: Deps, operatorId: string, agent_id: string, revoked: Reviewing['revoked']): void {
  if (!revoked) return;
  const event = { type: 'bulk_agent', operator_id: operatorId, agent_id, at: deps.clock.now(), ...revoked };
  announce(deps, operatorId, event, revoked.revoked_count);
}

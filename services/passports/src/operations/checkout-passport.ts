/**
 * `POST /v1/passports/:jti/checkout` (api.md §6). Repeating gives the first answer. A passport that was revoked or has lapsed is reviewed all the same, and its
 * checkout says how it ended.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { missionCheckedOut, passportLineChanged } from '@sallyport/contracts/facts/passports.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import type { Flag } from '@sallyport/contracts/objects/passport.ts';
import { checkout } from '@sallyport/contracts/operations/passports.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { endedFence, implicitCompletion, PARENT_CHECKED_OUT, revokedChildren } from '../checking-out.ts';
import type { Deps } from '../deps.ts';
import { bucketOf, outcomeOf } from '../domain/checkout.ts';
import { type Life, lifeOf } from '../domain/life.ts';
import { MISSION } from '../domain/mission.ts';
import { type CheckedOut, type Issued, PASSPORT } from '../domain/passport.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { announce } from '../propagation.ts';
import { noPassport, readFamily, readHead, readPassport } from '../reading.ts';
import { commonReport } from '../report.ts';
import { NO_FINDINGS, REVIEW } from '../domain/review.ts';
import { findingsOf } from '../review.ts';
import { openReview } from '../reviewing.ts';

/** More are left to the consumer. */
const CHILDREN_AT_ONCE = 100;

interface Done {
  data: CheckedOut;
  claim_id: string;
  mission_id: string;
  review_id: string | null;
  told: Told[];
}

/** A revocation that came with the checkout, for those who listen (api.md §11). */
type Told = { type: string; reason: string; count: number } & Record<string, unknown>;

export function checkoutOperation(deps: Deps): OperationHandler<typeof checkout> {
  return async ({ call, principal, params: { jti }, body, scope }) => {
    const { operator_id } = principal;
    const receivedMs = deps.clock.now();
    const before = await readPassport(deps.ledger.load, operator_id, jti);
    if (!before || (principal.type === 'agent' && before.issued.agent_id !== principal.id)) return refuse(noPassport(jti));
    const { issued } = before;
    // Asked before the decision, which must not wait for anybody: what comes in between, later signals correct.
    const findings = before.checked_out ? NO_FINDINGS : await findingsOf(deps, call, operator_id, issued);
    const { flags } = findings;
    const report = commonReport(body);
    const { agent_id, session_id, mission_id } = issued;

    const decided = await deps.ledger.decide<Done>(scope, async (read) => {
      const passport = await readPassport(read.get, operator_id, jti);
      if (!passport) return { deny: noPassport(jti) };
      if (passport.checked_out) {
        const { data, claim_id } = passport.checked_out;
        const { state } = await read.get(REVIEW, operator_id, data.checkout_id);
        return { write: [], value: { data, claim_id, mission_id, review_id: state.exists ? state.review_id : null, told: [] } };
      }
      const family = await readFamily(read.get, operator_id, passport);
      const life = lifeOf(family, receivedMs);
      const { agent } = family.self.agent;
      const bucket = bucketOf(flags, issued.mode, agent ?? { on_warning: 'notify', on_critical: 'notify' });
      const checkout_id = newId('checkout', read.now);
      const id = newId('event', read.now);
      const ended_by = endedBy(life);
      const data: CheckedOut = {
        checkout_id,
        services_used: body.services_used ?? [],
        actions_count: body.actions_count ?? null,
        ...report,
        outcome: ended_by === 'checkout' ? outcomeOf(body.outcome, report.summary) : ended_by,
        keep_children: body.keep_children ?? false,
        checked_out_at_ms: receivedMs,
        ended_by,
        review_status: bucket.review_status,
        flags: issued.mode === 'standard' ? [] : flags,
        reviewed: bucket.reviewed,
      };
      const fact = draft(missionCheckedOut, data, { id, agent_id, session_id, mission_id, jti });
      const write: Write[] = [{ on: PASSPORT, operator_id, id: jti, facts: [fact] }];
      const told: Told[] = [];
      if (ended_by === 'checkout') {
        write.push(endedFence(operator_id, jti));
        // The head takes part, so that no delegation and no refresh passes unseen.
        const head = await readHead(read.get, operator_id, issued.line);
        const over = draft(passportLineChanged, { current: jti, what: 'checked_out' }, { agent_id, session_id, mission_id, jti });
        if (issued.line !== jti) write.push({ on: PASSPORT, operator_id, id: issued.line, facts: [over] });
        const which = {
          reason: PARENT_CHECKED_OUT,
          ended_at_ms: receivedMs,
          keep_enforced: data.keep_children,
          at_most: CHILDREN_AT_ONCE,
        };
        const children = await revokedChildren(read, operator_id, head, which);
        write.push(...children.write);
        for (const one of children.revoked)
          told.push({ type: 'single', ...one, reason: PARENT_CHECKED_OUT, count: 1 + one.cascaded.length });
        if (children.kept === 0) write.push(...implicitCompletion((await read.get(MISSION, operator_id, mission_id)).state, read.now));
      }
      const review = await openReview(deps, read, operator_id, issued, data, findings, bucket);
      write.push(...review.write);
      if (review.revoked) told.push({ type: 'bulk_agent', agent_id, ...review.revoked, count: review.revoked.revoked_count });
      return { write, value: { data, claim_id: auditIdOf(id), mission_id, review_id: review.review_id, told } };
    });
    if (decided.ok && !decided.replayed) {
      const at = deps.clock.now();
      for (const { count, ...event } of decided.value.told) announce(deps, operator_id, { ...event, operator_id, at }, count);
    }
    return answerOf(checkout, decided, (done) => checkoutAnswer(deps, issued, done));
  };
}

function endedBy(life: Life): CheckedOut['ended_by'] {
  if (life.state === 'live') return 'checkout';
  return life.state === 'lapsed' ? 'lapsed' : 'revoked';
}

function checkoutAnswer(deps: Deps, { jti }: Issued, { data, claim_id, mission_id, review_id }: Done): object {
  const flags: Flag[] = data.flags;
  return {
    checkout_id: data.checkout_id,
    passport_jti: jti,
    review_status: data.review_status,
    flags,
    claim_id,
    mission_id,
    checked_out_at: iso(data.checked_out_at_ms),
    ended_by: data.ended_by,
    reviewed: data.reviewed,
    review_id,
    report_url: `${deps.public_url}/missions/${mission_id}`,
  };
}

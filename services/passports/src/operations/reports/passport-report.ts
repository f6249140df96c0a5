/**
 * `GET /v1/passports/:jti/report` (api.md §6; detectors.md 5.5): exactly the client's five keys; all that is ours stands inside `passport`. `report_hash` is the SHA-256
 * of the whole without it, in RFC 8785 form. Not signed: the audit key comes with the signed checkpoints.
 */
import { createHash } from 'node:crypto';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import type { passportReport } from '@sallyport/contracts/operations/passports.ts';
import { iso, isoOrNull } from '@sallyport/contracts/time.ts';
import { success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import type { TrailRow } from '../../domain/activity.ts';
import { passportObject } from '../../domain/claims.ts';
import { ruleText } from '../../domain/constraints.ts';
import { lifeOf } from '../../domain/life.ts';
import { REVIEW, reviewObject, type ReviewState } from '../../domain/review.ts';
import {
  checkpointStats,
  type DelegationNode,
  declaredVsActual,
  type ReportedCheckpoint,
  runActivity,
  type RunRecord,
  timelineOf,
} from '../../domain/report.ts';
import {
  type IssuedPassportState,
  lastOfKind,
  noPassport,
  type Read,
  readCurrent,
  readFamily,
  readHead,
  readPassport,
} from '../../reading.ts';
import { readTrail, type Trail } from '../../trail.ts';

const REPORT_VERSION = 1;
const PAGE = 1_000;
/** Of a run's rows; more are counted in `audit.entries` alone. */
const MAX_ROWS = 10_000;
const MAX_NODES = 64;
const WAIT_MS = 2_000;

export function passportReportOperation(deps: Deps): OperationHandler<typeof passportReport> {
  return async ({ operation, principal, params: { jti }, call }): Promise<BusAnswer> => {
    const { operator_id } = principal;
    const { load } = deps.ledger;
    const passport = await readPassport(load, operator_id, jti);
    if (!passport || (principal.type === 'agent' && passport.issued.agent_id !== principal.id)) return refuse(noPassport(jti));
    const min_seq = Math.max(await lastOfKind(deps, operator_id, 'passport'), call.min_event_seq ?? 0);
    const family = await readFamily(load, operator_id, passport);
    const { issued } = passport;
    const line = [
      ...new Set([issued.line, jti, ...family.self.mission.passports.filter((one) => one.line === issued.line).map((one) => one.jti)]),
    ];
    const [trail, checkpoints, tree] = await Promise.all([
      trailOf(deps, call, operator_id, line, min_seq),
      checkpointsOf(deps, operator_id, issued.line, min_seq),
      delegationTree(load, operator_id, issued.line, deps.clock.now()),
    ]);
    if (!trail.ok) return refuse(trail.denial);

    const now = deps.clock.now();
    const life = lifeOf(family, now);
    const ended_at_ms = life.state === 'live' ? null : life.at_ms;
    const out = passport.checked_out?.data ?? null;
    const review = out && (await load(REVIEW, operator_id, out.checkout_id)).state;
    const run: RunRecord = {
      issued,
      begun_at_ms: family.self.head.issued?.issued_at_ms ?? issued.issued_at_ms,
      ended_at_ms,
      now_ms: now,
      rows: trail.rows,
      checkpoints,
      checked_out: out,
      delegated_to: [...new Set(tree?.children.map(({ agent_id }) => agent_id) ?? [])],
    };
    const activity = runActivity(trail.rows);
    const timeline = timelineOf(trail.rows);
    const { status, expires_at, issued_at, parent_passport_id, session_id, mission_id } = passportObject(passport, life, null);
    const { entries, first_entry_id, last_entry_id, head_hash, chain_valid } = trail.trail;
    const about = {
      jti,
      mission_id,
      session_id,
      parent_passport_id,
      depth: issued.depth,
      agent_id: issued.agent_id,
      agent_name: issued.agent_name,
      operator_id,
      accountability: issued.mode,
      status,
      issued_at,
      expires_at,
      ended_at: isoOrNull(ended_at_ms),
      end_reason: life.state === 'live' ? null : life.reason,
      report_version: REPORT_VERSION,
      generated_at: iso(now),
      provisional: life.state === 'live',
      scope: {
        granted: issued.services.map(({ service_name: service, connection_id, scopes }) => ({ service, connection_id, scopes })),
        constraints: issued.services.flatMap(({ service_name: service, constraints }) =>
          (constraints ?? []).map((rule) => ({ service, ...rule })),
        ),
        resources: issued.services.flatMap(({ service_name: service, resources }) => resources.map((resource) => ({ service, resource }))),
      },
      timeline: timeline.items,
      timeline_rest: timeline.rest,
      activity,
      declared_vs_actual: declaredVsActual(run, activity),
      delegation_tree: tree,
      checkpoint_stats: checkpointStats(run),
      signals: signalsOf(trail.rows),
      audit: { first_entry_id, last_entry_id, head_hash, entries, chain_valid },
    };
    const report = {
      passport: about,
      intent:
        issued.intent_summary === '' && issued.mode === 'standard'
          ? null
          : {
              summary: issued.intent_summary,
              services: issued.intent_services,
              will_delegate: issued.will_delegate,
              estimated_duration_s: issued.estimated_duration_seconds,
            },
      checkpoints: checkpoints.map(({ recorded_at_ms, delegated_to: _told, ...one }) => ({ ...one, recorded_at: iso(recorded_at_ms) })),
      checkout: out && {
        checkout_id: out.checkout_id,
        services_used: out.services_used,
        actions_count: out.actions_count,
        summary: out.summary,
        outcome: out.outcome,
        at: iso(out.checked_out_at_ms),
      },
      review: review?.exists ? reviewOf(review) : null,
    };
    const report_hash = createHash('sha256').update(ruleText(report)).digest('hex');
    return success(operation, { ...report, passport: { ...about, report_hash } });
  };
}

function reviewOf(review: ReviewState): object {
  const { review_id, review_status, state, decision, decided_by: by, notes, decided_at, submitted_at, flags } = reviewObject(review);
  return { review_id, review_status, state, decision, by, notes, at: decided_at ?? submitted_at, flags };
}

async function trailOf(
  deps: Deps,
  call: Parameters<typeof readTrail>[1],
  operator_id: string,
  jtis: string[],
  min_seq: number,
): Promise<{ ok: true; rows: TrailRow[]; trail: Trail } | Extract<Awaited<ReturnType<typeof readTrail>>, { ok: false }>> {
  const rows: TrailRow[] = [];
  let first: Trail | null = null;
  for (;;) {
    const page = { operator_id, jtis, after_seq: rows.at(-1)?.seq ?? 0, limit: PAGE, min_seq };
    const read = await readTrail(deps, call, { ...page, verify: first === null });
    if (!read.ok) return read;
    first ??= read.trail;
    rows.push(...read.trail.rows);
    if (read.trail.rows.length < PAGE || rows.length >= MAX_ROWS) return { ok: true, rows, trail: first };
  }
}

async function checkpointsOf(deps: Deps, operatorId: string, line: string, minSeq: number): Promise<ReportedCheckpoint[]> {
  await deps.model.waitFor(operatorId, minSeq, WAIT_MS);
  const rows = await deps.database.db.selectFrom('checkpoint').select('data').where('line', '=', line).orderBy('recorded_ms').execute();
  return rows.map(({ data }) => data);
}

function signalsOf(rows: readonly TrailRow[]): object[] {
  return rows
    .filter(({ action }) => action === 'security_event.create')
    .map(({ entry_id, recorded_at, metadata }) => {
      const { signal_id, detector, code, severity, message } = metadata;
      return { signal_id, detector, code, severity, message, entry_id, at: recorded_at };
    });
}

/** Null: nothing was delegated. */
async function delegationTree(read: Read, operatorId: string, line: string, nowMs: number): Promise<DelegationNode | null> {
  let left = MAX_NODES;
  const nodeOf = async (head: IssuedPassportState): Promise<DelegationNode> => {
    const current = await readCurrent(read, operatorId, head);
    const life = lifeOf(await readFamily(read, operatorId, current), nowMs);
    const lines = head.children.slice(0, left);
    left -= lines.length;
    const children: DelegationNode[] = [];
    for (const child of lines) children.push(await nodeOf(await readHead(read, operatorId, child)));
    const { jti, agent_id, depth } = current.issued;
    return { jti, agent_id, depth, status: passportObject(current, life, null).status, children };
  };
  const head = await readHead(read, operatorId, line);
  return head.children.length === 0 ? null : nodeOf(head);
}

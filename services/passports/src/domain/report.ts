/**
 * The report of a passport run, from issue over refreshes to its end (detectors.md 5.5): what was declared, what the record says, and where they differ. Pure. What no
 * part of the platform knows yet (drift, baselines, bytes) is left out, never made up.
 */
import { type ActivityItem, activityOf, text, type TrailRow } from './activity.ts';
import type { CheckedOut, Issued } from './passport.ts';

export interface ReportedCheckpoint {
  checkpoint_id: string;
  recorded_at_ms: number;
  services_used: string[];
  actions_count: number;
  summary: string;
  flags: string[];
  delegated_to: string[];
}

export interface DelegationNode {
  jti: string;
  agent_id: string;
  depth: number;
  status: string;
  children: DelegationNode[];
}

export interface RunRecord {
  issued: Issued;
  /** Of the first jti of the line. */
  begun_at_ms: number;
  /** Null while it lives. */
  ended_at_ms: number | null;
  now_ms: number;
  rows: readonly TrailRow[];
  checkpoints: readonly ReportedCheckpoint[];
  checked_out: CheckedOut | null;
  /** Agents that it delegated to, each once. */
  delegated_to: string[];
}

const MAX_TIMELINE = 500;
const MAX_DESTINATIONS = 20;
/** Attempts and outcomes of calls are counted as activity; the timeline shows the rest and the refusals. */
const TIMELINE = /^(passport|mission|checkpoint|signal|intent|call\.denied|credential|review|security_event)/;

export interface Timeline {
  items: ActivityItem[];
  /** Further ones, by type. */
  rest: Record<string, number>;
}

export function timelineOf(rows: readonly TrailRow[]): Timeline {
  const shown = rows.filter(({ fact_type }) => TIMELINE.test(fact_type));
  const rest: Record<string, number> = {};
  for (const { fact_type } of shown.slice(MAX_TIMELINE)) rest[fact_type] = (rest[fact_type] ?? 0) + 1;
  return { items: shown.slice(0, MAX_TIMELINE).map(activityOf), rest };
}

export interface RunActivity {
  calls: number;
  writes: number;
  by_service: { service: string; calls: number }[];
  by_status: Record<string, number>;
  denied: { reason: string; count: number }[];
  destinations: { host: string; calls: number }[];
}

const READS: readonly unknown[] = ['GET', 'HEAD'];

export function runActivity(rows: readonly TrailRow[]): RunActivity {
  const calls = rows.filter(({ action }) => action === 'credential.proxy');
  const refused = calls.filter(({ outcome }) => outcome === 'blocked');
  const givenUp = new Set(refused.flatMap(({ attempt_entry_id }) => attempt_entry_id ?? []));
  const attempts = calls.filter(({ outcome, entry_id }) => outcome === 'pending' && !givenUp.has(entry_id));
  const closings = calls.filter(({ outcome }) => outcome !== 'pending' && outcome !== 'blocked');
  return {
    calls: attempts.length,
    writes: attempts.filter(({ http }) => !READS.includes(http?.['method'])).length,
    by_service: counted(attempts, ({ service }) => service ?? 'unknown').map(([service, count]) => ({ service, calls: count })),
    by_status: Object.fromEntries(counted(closings, ({ http, outcome }) => statusText(http?.['status']) ?? outcome)),
    denied: counted(refused, ({ metadata, error_code }) => text(metadata['reason']) ?? error_code ?? 'refused').map(([reason, count]) => ({
      reason,
      count,
    })),
    destinations: counted(attempts, ({ http }) => text(http?.['host']) ?? '')
      .slice(0, MAX_DESTINATIONS)
      .map(([host, count]) => ({ host, calls: count })),
  };
}

function statusText(status: unknown): string | null {
  return typeof status === 'number' ? `${status}` : null;
}

/** Most first. */
function counted(rows: readonly TrailRow[], nameOf: (row: TrailRow) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  return [...counts].sort(([a, one], [b, two]) => two - one || (a < b ? -1 : 1));
}

export type Verdict = 'as_declared' | 'differs' | 'not_declared';

export interface Compared {
  item: 'services' | 'actions' | 'duration' | 'delegation' | 'writes';
  declared: unknown;
  reported: unknown;
  actual: unknown;
  verdict: Verdict;
}

export function declaredVsActual(run: RunRecord, activity: RunActivity): Compared[] {
  const { issued, checkpoints, checked_out } = run;
  const declared = [...new Set([...issued.intent_services, ...issued.services.map(({ service_name }) => service_name)])];
  const used = activity.by_service.map(({ service }) => service);
  const reported = [
    ...new Set(checked_out?.services_used.length ? checked_out.services_used : checkpoints.flatMap((one) => one.services_used)),
  ];
  const saidNothing = checked_out === null && checkpoints.length === 0;
  const actions = checked_out?.actions_count ?? checkpoints.reduce((sum, { actions_count }) => sum + actions_count, 0);
  const limit = issued.limits['max_actions'];
  const seconds = Math.round(((run.ended_at_ms ?? run.now_ms) - run.begun_at_ms) / 1000);
  const estimated = issued.estimated_duration_seconds;
  const told = [...new Set([...(checked_out?.delegated_to ?? []), ...checkpoints.flatMap((one) => one.delegated_to)])];
  const within = (some: readonly string[], all: readonly string[]): boolean => some.every((one) => all.includes(one));
  return [
    {
      item: 'services',
      declared,
      reported: saidNothing ? null : reported,
      actual: used,
      verdict: within(used, declared) && (saidNothing || within(used, reported)) ? 'as_declared' : 'differs',
    },
    {
      item: 'actions',
      declared: typeof limit === 'number' ? limit : null,
      reported: saidNothing ? null : actions,
      actual: activity.calls,
      verdict: saidNothing || actions === activity.calls ? (typeof limit === 'number' ? 'as_declared' : 'not_declared') : 'differs',
    },
    {
      item: 'duration',
      declared: estimated,
      reported: null,
      actual: seconds,
      verdict: estimated === null ? 'not_declared' : seconds <= estimated ? 'as_declared' : 'differs',
    },
    {
      item: 'delegation',
      declared: issued.will_delegate,
      reported: saidNothing ? null : told,
      actual: run.delegated_to,
      verdict:
        (issued.will_delegate || run.delegated_to.length === 0) && (saidNothing || within(told, run.delegated_to))
          ? 'as_declared'
          : 'differs',
    },
    { item: 'writes', declared: null, reported: null, actual: activity.writes, verdict: 'not_declared' },
  ];
}

export function checkpointStats(run: RunRecord): { interval_s: number; expected: number; received: number; longest_gap_s: number } | null {
  const { issued, checkpoints, begun_at_ms } = run;
  if (issued.mode === 'standard') return null;
  const end = run.ended_at_ms ?? run.now_ms;
  const times = [begun_at_ms, ...checkpoints.map(({ recorded_at_ms }) => recorded_at_ms), end];
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return {
    interval_s: issued.checkpoint_interval,
    expected: Math.floor((end - begun_at_ms) / 1000 / issued.checkpoint_interval),
    received: checkpoints.length,
    longest_gap_s: Math.round(Math.max(0, ...gaps) / 1000),
  };
}

/** An audit row in one line, for people (api.md §7, replay; detectors.md 5.5, timeline). Nothing but what the row itself holds. Pure. */
import type { auditTrail } from '@sallyport/contracts/operations/audit.ts';
import type { Static } from 'typebox';

/** As audit answers it. */
export type TrailRow = Static<typeof auditTrail.response>['rows'][number];

export interface ActivityItem {
  at: string;
  type: string;
  entry_id: string;
  jti: string | null;
  summary: string;
}

const MAX_SUMMARY = 300;

export function activityOf(row: TrailRow): ActivityItem {
  const { recorded_at, fact_type, entry_id, passport_jti } = row;
  // Rows have microseconds, times on the wire milliseconds (api.md §1.3).
  const at = recorded_at.replace(/(\.\d{3})\d*Z$/, '$1Z');
  return { at, type: fact_type, entry_id, jti: passport_jti, summary: summaryOf(row).slice(0, MAX_SUMMARY) };
}

function summaryOf(row: TrailRow): string {
  const call = callOf(row);
  if (call !== null) return call;
  const { metadata, action } = row;
  const reason = text(metadata['reason']) ?? text(metadata['terminal_state']) ?? text(metadata['message']);
  const about =
    text(metadata['intent_summary']) ?? text(metadata['summary']) ?? text(metadata['child_jti']) ?? text(metadata['superseded']) ?? reason;
  const services = list(metadata['services_used']) ?? list(metadata['intent_services']);
  const outcome = row.outcome === 'success' ? '' : ` (${row.outcome})`;
  return `${action}${outcome}${about ? `: ${about}` : ''}${services ? ` [${services.join(', ')}]` : ''}`;
}

function callOf({ http, outcome, error_code, metadata }: TrailRow): string | null {
  if (!http) return null;
  const { method, host, path, status } = http;
  const what = `${String(method)} ${String(host)}${String(path)}`;
  const reason = text(metadata['reason']);
  switch (outcome) {
    case 'pending':
      return `${what} → sent`;
    case 'blocked':
      return `${what} → refused${reason ? ` (${reason})` : error_code ? ` (${error_code})` : ''}`;
    case 'unknown':
      return `${what} → unknown`;
    default:
      return `${what} → ${typeof status === 'number' ? status : (error_code ?? outcome)}`;
  }
}

/** A text that is not empty. */
export function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function list(value: unknown): string[] | null {
  return Array.isArray(value) && value.length > 0 ? value.map(String) : null;
}

/** From rows of the read model to what the API shows (api.md §14.3). */
import type { SecurityEvent } from '@sallyport/contracts/operations/security-events.ts';
import type { Selectable } from 'kysely';
import type { Static } from 'typebox';
import type { SecurityEventRow } from '../db/schema.ts';

type Row = Selectable<SecurityEventRow>;

export function eventObject(row: Row): Static<typeof SecurityEvent> {
  const created = isoTime(row.created_at_ms);
  return {
    id: row.id,
    operator_id: row.operator_id,
    agent_id: row.agent_id,
    passport_jti: row.passport_jti,
    signal_type: row.signal_type,
    severity: row.severity,
    message: row.message,
    metadata: row.metadata,
    resolved: row.status === 'resolved',
    resolved_at: row.resolved_at_ms === null ? null : isoTime(row.resolved_at_ms),
    created_at: created,
    code: row.code,
    status: row.status,
    count: row.count,
    first_at: created,
    last_at: isoTime(row.last_at_ms),
    effect:
      row.effect_kind === 'none'
        ? null
        : { kind: row.effect_kind, state: row.effect_state, at: row.effect_at_ms === null ? null : isoTime(row.effect_at_ms) },
    incident_id: row.incident_id,
    dry_run: row.dry_run,
  };
}

export function detailedObject(row: Row): object {
  const { acknowledged_by, resolved_by, resolution, note, entry_ids } = row;
  return { ...eventObject(row), acknowledged_by, resolved_by, resolution, note, entry_ids };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

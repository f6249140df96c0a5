/** A row of the read model as the security event of api.md §14.3. */
import type { SecurityEvent } from '@sallyport/contracts/operations/security-events.ts';
import type { Static } from 'typebox';
import type { StoredEvent } from '../db/schema.ts';

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const time = (ms: number): string => new Date(ms).toISOString();

export function eventObject(row: StoredEvent): Static<typeof SecurityEvent> {
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
    resolved_at: iso(row.resolved_at_ms),
    created_at: time(row.created_at_ms),
    code: row.code,
    status: row.status,
    count: row.count,
    first_at: time(row.created_at_ms),
    last_at: time(row.last_at_ms),
    effect: row.effect_kind === 'none' ? null : { kind: row.effect_kind, state: row.effect_state, at: iso(row.effect_at_ms) },
    incident_id: row.incident_id,
    dry_run: row.dry_run,
  };
}

export function detailedEvent(row: StoredEvent): Static<typeof SecurityEvent> & Record<string, unknown> {
  const { acknowledged_by, resolved_by, resolution, note, entry_ids } = row;
  return { ...eventObject(row), acknowledged_by, resolved_by, resolution, note, entry_ids };
}

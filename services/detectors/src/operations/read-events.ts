/** Security events as the read model has them, and the wait for what a caller has already seen (api.md §1.7). */
import type { BusCall } from '@sallyport/contracts/call.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { ExpressionBuilder, ExpressionWrapper, Selectable, SqlBool } from 'kysely';
import type { Deps } from '../deps.ts';
import type { DetectorTables, SecurityEventRow } from '../db/schema.ts';

const LONGEST_MS = 2_000;

export interface Filter {
  agent_id?: string | null | undefined;
  resolved?: 'false' | 'true' | 'all' | null | undefined;
  status?: 'open' | 'acknowledged' | 'resolved' | null | undefined;
  signal_type?: string | null | undefined;
  severity?: 'info' | 'warning' | 'critical' | null | undefined;
}

export async function behind({ events }: Deps, operatorId: string, call: BusCall, remainingMs: number): Promise<Denial | null> {
  const needed = call.min_event_seq ?? 0;
  if (needed === 0 || (await events.waitFor(operatorId, needed, Math.min(LONGEST_MS, remainingMs)))) return null;
  return { ...denial('READ_MODEL_BEHIND', 'The security events have not reached that event yet.'), retry_after: 1 };
}

type Where = (where: ExpressionBuilder<DetectorTables, 'security_events'>) => ExpressionWrapper<DetectorTables, 'security_events', SqlBool>;

/** `resolved` counts only where no `status` is named, and means the open ones by default. */
export function matching(operatorId: string, filter: Filter): Where {
  return (where) => {
    const all = [where('operator_id', '=', operatorId)];
    if (filter.agent_id) all.push(where('agent_id', '=', filter.agent_id));
    if (filter.signal_type) all.push(where('signal_type', '=', filter.signal_type));
    if (filter.severity) all.push(where('severity', '=', filter.severity));
    const resolved = filter.resolved ?? 'false';
    if (filter.status) all.push(where('status', '=', filter.status));
    else if (resolved !== 'all') all.push(where('status', resolved === 'true' ? '=' : '<>', 'resolved'));
    return where.and(all);
  };
}

export async function eventOf({ database }: Deps, operatorId: string, id: string): Promise<Selectable<SecurityEventRow> | null> {
  const row = await database.db
    .selectFrom('security_events')
    .selectAll()
    .where('operator_id', '=', operatorId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

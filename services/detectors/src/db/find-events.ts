/** Finding security events in the read model. */
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from 'kysely';
import type { DetectorTables, StoredEvent } from './schema.ts';

export interface Filter {
  agent_id?: string | null | undefined;
  resolved?: 'false' | 'true' | 'all' | null | undefined;
  status?: 'open' | 'acknowledged' | 'resolved' | null | undefined;
  signal_type?: string | null | undefined;
  severity?: 'info' | 'warning' | 'critical' | null | undefined;
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

export async function eventOf({ db }: Database<DetectorTables>, operatorId: string, id: string): Promise<StoredEvent | null> {
  const row = await db
    .selectFrom('security_events')
    .selectAll()
    .where('operator_id', '=', operatorId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Queries of the read model `security_events`; always within one operator. */
import type { Database } from '@sallyport/projections/open-pool.ts';
import type { Expression, ExpressionBuilder, Selectable, SqlBool } from 'kysely';
import type { DetectorTables, SecurityEventRow } from './schema.ts';

type Row = Selectable<SecurityEventRow>;
type Tables = Database<DetectorTables>;

/** As in the query of the list; `null` counts as absent. */
export interface EventFilter {
  agent_id?: string | null;
  resolved?: 'false' | 'true' | 'all' | null;
  status?: 'open' | 'acknowledged' | 'resolved' | null;
  signal_type?: string | null;
  severity?: 'info' | 'warning' | 'critical' | null;
}

/** Unresolved ones only, unless `resolved` or `status` says otherwise. */
function matching(operatorId: string, filter: EventFilter) {
  return (where: ExpressionBuilder<DetectorTables, 'security_events'>): Expression<SqlBool> => {
    const { agent_id, status, signal_type, severity } = filter;
    const resolved = filter.resolved ?? (status == null ? 'false' : 'all');
    return where.and([
      where('operator_id', '=', operatorId),
      ...(agent_id == null ? [] : [where('agent_id', '=', agent_id)]),
      ...(status == null ? [] : [where('status', '=', status)]),
      ...(signal_type == null ? [] : [where('signal_type', '=', signal_type)]),
      ...(severity == null ? [] : [where('severity', '=', severity)]),
      ...(resolved === 'all' ? [] : [where('status', resolved === 'true' ? '=' : '!=', 'resolved')]),
    ]);
  };
}

/** Newest first. */
export async function listEvents(
  { db }: Tables,
  operatorId: string,
  filter: EventFilter,
  page: { limit: number; offset: number },
): Promise<Row[]> {
  return db
    .selectFrom('security_events')
    .selectAll()
    .where(matching(operatorId, filter))
    .orderBy('created_at_ms', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
}

export async function countUnresolved({ db }: Tables, operatorId: string): Promise<number> {
  const row = await db
    .selectFrom('security_events')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(matching(operatorId, { resolved: 'false' }))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function findEvent({ db }: Tables, operatorId: string, id: string): Promise<Row | null> {
  const row = await db
    .selectFrom('security_events')
    .selectAll()
    .where('operator_id', '=', operatorId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Those of one passport's run that count for its review: warning and above, no dry runs; oldest first. */
export async function reviewable({ db }: Tables, operatorId: string, missionId: string, jti: string): Promise<Row[]> {
  return db
    .selectFrom('security_events')
    .selectAll()
    .where('operator_id', '=', operatorId)
    .where('mission_id', '=', missionId)
    .where('passport_jti', '=', jti)
    .where('severity', 'in', ['warning', 'critical'])
    .where('dry_run', '=', false)
    .orderBy('created_at_ms')
    .orderBy('id')
    .execute();
}

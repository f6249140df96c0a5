/** Rows of one operator in order, a batch at a time, so that an export of any length needs the memory of one batch. */
import type { Row } from '@sallyport/audit-chain/row.ts';
import type { Deps } from '../deps.ts';
import { rowOf } from '../projections/rows.ts';

const BATCH = 1_000;

export interface Range {
  operator_id: string;
  agent_id?: string | null | undefined;
  /** Both inclusive. */
  from_seq: number;
  to_seq: number;
}

export async function* readRows({ database }: Deps, range: Range): AsyncGenerator<Row[]> {
  let from = range.from_seq;
  while (from <= range.to_seq) {
    let query = database.db
      .selectFrom('rows')
      .select('row')
      .where('operator_id', '=', range.operator_id)
      .where('seq', '>=', String(from))
      .where('seq', '<=', String(range.to_seq));
    if (range.agent_id) query = query.where('agent_id', '=', range.agent_id);
    const rows = (await query.orderBy('seq').limit(BATCH).execute()).map(({ row }) => rowOf(row));
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < BATCH || !last) return;
    from = last.seq + 1;
  }
}

export interface RangeQuery {
  from?: string | null | undefined;
  to?: string | null | undefined;
  from_seq?: number | null | undefined;
  to_seq?: number | null | undefined;
}

/** Sequences of the rows that a query names: times are inclusive at `from`, exclusive at `to`. Empty: `from_seq > to_seq`. */
export async function rangeOf({ database }: Deps, operatorId: string, query: RangeQuery): Promise<{ from_seq: number; to_seq: number }> {
  const edges = database.db.selectFrom('rows').where('operator_id', '=', operatorId);
  const edge = async (find: 'min' | 'max', compare: '>=' | '<', time: string): Promise<number | null> => {
    const found = await edges
      .select(({ fn }) => fn[find]<string | null>('seq').as('seq'))
      .where('timestamp', compare, String(Date.parse(time)))
      .executeTakeFirst();
    return found?.seq == null ? null : Number(found.seq);
  };
  const last = await edges.select(({ fn }) => fn.max<string | null>('seq').as('seq')).executeTakeFirst();
  const end = Number(last?.seq ?? 0);
  const since = query.from ? ((await edge('min', '>=', query.from)) ?? end + 1) : 1;
  const until = query.to ? ((await edge('max', '<', query.to)) ?? 0) : end;
  return { from_seq: Math.max(since, query.from_seq ?? 1), to_seq: Math.min(until, query.to_seq ?? end) };
}

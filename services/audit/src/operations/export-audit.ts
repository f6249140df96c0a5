/**
 * Rows of a range, oldest first, as json, ndjson or csv (api.md §16.2). The edge has recorded `audit.exported` before it asks.
 * At most 50,000 rows an answer; the cursor is the next row's sequence.
 */
import { CSV_HEADER, csvLine } from '@sallyport/audit-chain/csv.ts';
import type { Row } from '@sallyport/audit-chain/row.ts';
import { type BusAnswer, refuse, reply } from '@sallyport/contracts/call.ts';
import { invalid } from '@sallyport/contracts/errors.ts';
import type { exportAudit } from '@sallyport/contracts/operations/audit.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../deps.ts';
import { behind } from './current.ts';
import { type Range, rangeOf, readRows } from './read-rows.ts';

const MOST_ROWS = 50_000;

interface Format {
  type: string;
  head: string;
  row: (row: Row, index: number) => string;
  tail: (next: string | null) => string;
}
const FORMATS: Record<'json' | 'ndjson' | 'csv', Format> = {
  json: {
    type: 'application/json; charset=utf-8',
    head: '{"entries":[',
    row: (row, index) => (index === 0 ? '' : ',') + JSON.stringify(row),
    tail: (next) => `],"next_cursor":${JSON.stringify(next)}}`,
  },
  ndjson: { type: 'application/x-ndjson', head: '', row: (row) => `${JSON.stringify(row)}\n`, tail: () => '' },
  csv: { type: 'text/csv; charset=utf-8', head: CSV_HEADER, row: csvLine, tail: () => '' },
};

export function exportOperation(deps: Deps): OperationHandler<typeof exportAudit> {
  return async ({ call, principal, query, remaining_ms }): Promise<BusAnswer> => {
    const late = await behind(deps, principal.operator_id, call, remaining_ms());
    if (late) return refuse(late);
    const range: Range = {
      operator_id: principal.operator_id,
      agent_id: query.agent_id,
      ...(await rangeOf(deps, principal.operator_id, query)),
    };
    if (query.cursor) {
      if (!/^[1-9][0-9]{0,14}$/.test(query.cursor)) return refuse(invalid([{ path: 'cursor', rule: 'cursor' }]));
      range.from_seq = Math.max(range.from_seq, Number(query.cursor));
    }
    // Settled before the first byte: rows are only appended, so what is streamed is what was counted.
    const next = await firstBeyond(deps, range);
    if (next !== null) range.to_seq = next - 1;
    const cursor = next === null ? null : String(next);
    const format = FORMATS[query.format ?? 'json'];
    const headers = { 'Content-Type': format.type, ...(cursor !== null && { 'X-Next-Cursor': cursor }) };
    const answer = reply(200, null, { headers });
    return answer.ok ? { ...answer, stream: text(deps, range, format, cursor) } : answer;
  };
}

async function firstBeyond({ database }: Deps, range: Range): Promise<number | null> {
  let query = database.db
    .selectFrom('rows')
    .select('seq')
    .where('operator_id', '=', range.operator_id)
    .where('seq', '>=', String(range.from_seq))
    .where('seq', '<=', String(range.to_seq));
  if (range.agent_id) query = query.where('agent_id', '=', range.agent_id);
  const found = await query.orderBy('seq').offset(MOST_ROWS).limit(1).executeTakeFirst();
  return found ? Number(found.seq) : null;
}

async function* text(deps: Deps, range: Range, format: Format, next: string | null): AsyncGenerator<Uint8Array> {
  yield Buffer.from(format.head);
  let index = 0;
  for await (const rows of readRows(deps, range)) yield Buffer.from(rows.map((row) => format.row(row, index++)).join(''));
  yield Buffer.from(format.tail(next));
}

/** The rows of a mission or of passports, and the extent of all of them. */
import type { Row } from '@sallyport/audit-chain/row.ts';
import { type Expression, sql, type SqlBool } from 'kysely';
import type { Deps } from '../deps.ts';
import { rowOf } from './rows.ts';

export interface TrailQuery {
  operator_id: string;
  /** Else those of `jtis`. */
  mission_id: string | null;
  jtis: readonly string[];
  after_seq: number;
  limit: number;
}

export interface TrailPage {
  rows: Row[];
  entries: number;
  first_entry_id: string | null;
  last_entry_id: string | null;
  /** From the first to the last of all of them; null where there is none. */
  extent: { from_seq: number; to_seq: number } | null;
  head_hash: string | null;
}

export async function trailPage({ database }: Deps, { operator_id, mission_id, jtis, after_seq, limit }: TrailQuery): Promise<TrailPage> {
  const which: Expression<SqlBool> =
    mission_id === null ? sql<boolean>`passport_jti = any(${[...jtis]}::text[])` : sql<boolean>`mission_id = ${mission_id}`;
  const all = database.db.selectFrom('rows').where('operator_id', '=', operator_id);
  const mine = all.where(which);
  const [found, extent, head] = await Promise.all([
    mine.select('row').where('seq', '>', String(after_seq)).orderBy('seq').limit(limit).execute(),
    mine
      .select((select) => [
        select.fn.countAll<string>().as('entries'),
        select.fn.min<string | null>('seq').as('from_seq'),
        select.fn.max<string | null>('seq').as('to_seq'),
        sql<string | null>`(array_agg(entry_id order by seq))[1]`.as('first'),
        sql<string | null>`(array_agg(entry_id order by seq desc))[1]`.as('last'),
      ])
      .executeTakeFirst(),
    all.select('row').orderBy('seq', 'desc').limit(1).executeTakeFirst(),
  ]);
  return {
    rows: found.map(({ row }) => rowOf(row)),
    entries: Number(extent?.entries ?? 0),
    first_entry_id: extent?.first ?? null,
    last_entry_id: extent?.last ?? null,
    extent: extent?.from_seq && extent.to_seq ? { from_seq: Number(extent.from_seq), to_seq: Number(extent.to_seq) } : null,
    head_hash: head ? rowOf(head.row).entry_hash : null,
  };
}

/** Conditions on array columns. */
import { type RawBuilder, sql } from 'kysely';

/** The array column holds this value. */
export function contains(column: 'sessions' | 'connections' | 'parents', value: string): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} @> array[${value}]`;
}

/** The array column holds at least one of these. */
export function overlaps(column: 'parents', values: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} && ${values}::text[]`;
}

/** When a passport's time is over: its own, or that of a parent, as each line stands now. Int8 comes as a number. */
export const expiryOfPassport: RawBuilder<number> = sql<number>`(case when cardinality(passport.parents) = 0 then passport.expires_ms else least(
  passport.expires_ms,
  (select min(link.ends) from (
    select max(q.expires_ms) as ends from passport q where q.line = any(passport.parents) and q.status <> 'superseded' group by q.line) link)
) end)`;

/** Parents before their children. */
export const depthOfPassport: RawBuilder<number> = sql<number>`cardinality(parents)`;

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

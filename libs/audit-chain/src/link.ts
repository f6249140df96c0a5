/**
 * The published link of the audit chain: a hash over eight fields of each row and the hash before it (api.md §16.1).
 *
 * It does not cover the other fields of a row; the leaf hash (`row.ts`) does.
 */
import { createHash } from 'node:crypto';

/** What stands before the first row: 64 zeros. */
export const GENESIS = '0'.repeat(64);

export type LinkedFields = {
  readonly entry_id: string;
  /** Unix milliseconds. */
  readonly timestamp: number;
  readonly operator_id: string;
  readonly agent_id: string | null;
  readonly layer: string;
  readonly action: string;
  readonly outcome: string;
  readonly prev_entry_hash: string;
};

/** Lower-case hex SHA-256 of the compact JSON of exactly these eight keys in exactly this order. */
export function entryHash(row: LinkedFields): string {
  const { entry_id, timestamp, operator_id, agent_id, layer, action, outcome, prev_entry_hash } = row;
  const text = JSON.stringify({ entry_id, timestamp, operator_id, agent_id, layer, action, outcome, prev_entry_hash });
  return createHash('sha256').update(text).digest('hex');
}

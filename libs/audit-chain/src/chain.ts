/**
 * The hash chain of one operator: rows made in order, and rows checked (api.md §16.1, §16.2).
 *
 * Guarantees that the same drafts in the same order give the same bytes: no clock and no randomness enter here. Finds any change to a
 * row that kept its place; that the tail was cut off, or the whole chain written anew, shows only against a checkpoint.
 */
import { entryHash, GENESIS } from './link.ts';
import { leafHash, type Row, type RowDraft } from './row.ts';
import { recordedMilliseconds } from './recorded-at.ts';

/** The last row of a chain, or as much of it as the next one needs. */
export type ChainHead = Pick<Row, 'seq' | 'timestamp' | 'entry_hash'>;

/**
 * The row that follows `previous` (null: the first one). `timestamp` is the draft's own millisecond or, where that lies before it, the
 * previous row's. Throws `RangeError` when `recorded_at` is not of its form: a row must not be made from a time that nobody recorded.
 */
export function appendRow(previous: ChainHead | null, draft: RowDraft): Row {
  const recorded = recordedMilliseconds(draft.recorded_at);
  if (recorded === null) throw new RangeError('recorded_at is not ISO 8601 UTC with microseconds');
  const timestamp = Math.max(recorded, previous?.timestamp ?? 0);
  const prev_entry_hash = previous?.entry_hash ?? GENESIS;
  const entry_hash = entryHash({
    entry_id: draft.entry_id,
    timestamp,
    operator_id: draft.operator_id,
    agent_id: draft.agent_id,
    layer: draft.layer,
    action: draft.action,
    outcome: draft.outcome,
    prev_entry_hash,
  });
  const unsealed: Omit<Row, 'leaf_hash'> = {
    entry_id: draft.entry_id,
    timestamp,
    trace_id: draft.trace_id,
    span_id: draft.span_id,
    parent_span_id: draft.parent_span_id,
    operator_id: draft.operator_id,
    agent_id: draft.agent_id,
    passport_jti: draft.passport_jti,
    layer: draft.layer,
    action: draft.action,
    outcome: draft.outcome,
    duration_ms: draft.duration_ms,
    payload_hash: draft.payload_hash,
    error_code: draft.error_code,
    error_message: draft.error_message,
    prev_entry_hash,
    entry_hash,
    row_version: 1,
    seq: (previous?.seq ?? 0) + 1,
    stream_seq: draft.stream_seq,
    w3c_trace_id: draft.w3c_trace_id,
    recorded_at: draft.recorded_at,
    session_id: draft.session_id,
    actor: draft.actor,
    service: draft.service,
    connection_id: draft.connection_id,
    http: draft.http,
    approval_id: draft.approval_id,
    attempt_entry_id: draft.attempt_entry_id,
    metadata: draft.metadata,
  };
  return { ...unsealed, leaf_hash: leafHash(unsealed) };
}

export type BreakReason = 'entry_hash_mismatch' | 'prev_hash_mismatch' | 'seq_gap' | 'leaf_hash_mismatch';

export type ChainVerdict = {
  readonly valid: boolean;
  /** Rows looked at, the broken one among them. */
  readonly entries_checked: number;
  readonly first_break: { readonly entry_id: string; readonly seq: number; readonly reason: BreakReason } | null;
};

/**
 * Checks rows in order. `start` is the row before the first of them, null at the beginning of the chain; where older rows were pruned,
 * its two fields come from the first kept row itself and say nothing about what stood before.
 */
export function verifyRows(rows: Iterable<Row>, start: Pick<Row, 'seq' | 'entry_hash'> | null): ChainVerdict {
  let seq = start?.seq ?? 0;
  let hash = start?.entry_hash ?? GENESIS;
  let checked = 0;
  for (const row of rows) {
    checked += 1;
    const reason = breakOf(row, seq, hash);
    if (reason !== null) return { valid: false, entries_checked: checked, first_break: { entry_id: row.entry_id, seq: row.seq, reason } };
    seq = row.seq;
    hash = row.entry_hash;
  }
  return { valid: true, entries_checked: checked, first_break: null };
}

function breakOf(row: Row, previousSeq: number, previousHash: string): BreakReason | null {
  if (row.seq !== previousSeq + 1) return 'seq_gap';
  if (row.prev_entry_hash !== previousHash) return 'prev_hash_mismatch';
  if (entryHash(row) !== row.entry_hash) return 'entry_hash_mismatch';
  return leafMatches(row) ? null : 'leaf_hash_mismatch';
}

// A stored row that was edited into something without canonical form is a mismatch like any other.
function leafMatches(row: Row): boolean {
  try {
    return leafHash(row) === row.leaf_hash;
  } catch {
    return false;
  }
}

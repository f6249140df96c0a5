import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { appendRow, verifyRows } from '../src/chain.ts';
import { entryHash, GENESIS } from '../src/link.ts';
import { ROW_KEYS, type Row, type RowDraft } from '../src/row.ts';
import { ATTEMPT_HEAD, CLOSED_CALL } from './fixtures.ts';

const OPERATOR = 'op_01kt16jkm0emq8k9w39qsaekf4';

test('the three published entry hashes hold', () => {
  const first = entryHash({
    entry_id: 'aud_01kt16jwd8f46bs8r42wfv2z13',
    timestamp: 1780304409000,
    operator_id: OPERATOR,
    agent_id: null,
    layer: 'system',
    action: 'operator.bootstrap',
    outcome: 'success',
    prev_entry_hash: GENESIS,
  });
  assert.equal(first, '7a6020a1e7dccbdb22d0e222711d187fa2485bb45d60ec2090f01e4c3bc4a8c9');
  const attempt = entryHash({
    entry_id: 'aud_01kt16k3qme67tv4ss1263hys9',
    timestamp: 1780304416858,
    operator_id: OPERATOR,
    agent_id: 'agt_01kt16jnjge4ma4jz41b93y214',
    layer: 'vault',
    action: 'credential.proxy',
    outcome: 'pending',
    prev_entry_hash: first,
  });
  assert.equal(attempt, ATTEMPT_HEAD.entry_hash);
  assert.equal(appendRow(ATTEMPT_HEAD, CLOSED_CALL).entry_hash, '212e5dc496eca0734656cf6924291d882bce16b3ea21033b661d1dff7e62b471');
});

test('the published row comes out whole, with its leaf hash and its keys in order', () => {
  const row = appendRow(ATTEMPT_HEAD, CLOSED_CALL);
  assert.equal(row.leaf_hash, 'dda41c7b89e4433de5e086bfa61dbf3cbf30d7f1cf36ff4cc68871d5208e3ae4');
  assert.equal(row.seq, 3);
  assert.equal(row.timestamp, 1780304417000);
  assert.deepEqual(Object.keys(row), [...ROW_KEYS]);
});

function chainOf(drafts: readonly RowDraft[]): Row[] {
  const rows: Row[] = [];
  for (const draft of drafts) rows.push(appendRow(rows.at(-1) ?? null, draft));
  return rows;
}

function at(second: number, over: Partial<RowDraft> = {}): RowDraft {
  return { ...CLOSED_CALL, recorded_at: `2026-06-01T09:00:${String(second).padStart(2, '0')}.000999Z`, stream_seq: second, ...over };
}

const ROWS = chainOf([at(1, { agent_id: null, actor: null, http: null }), at(5), at(3), at(9, { metadata: { fields: ['hosts'] } })]);

test('a chain starts at the zeros, counts without gap, and its time never falls', () => {
  assert.equal(ROWS[0]?.prev_entry_hash, GENESIS);
  assert.deepEqual(
    ROWS.map((row) => row.seq),
    [1, 2, 3, 4],
  );
  assert.deepEqual(
    ROWS.map((row) => row.timestamp - 1780304400000),
    [1000, 5000, 5000, 9000],
  );
  assert.deepEqual(verifyRows(ROWS, null), { valid: true, entries_checked: 4, first_break: null });
  assert.deepEqual(verifyRows(ROWS.slice(2), ROWS[1] ?? null), { valid: true, entries_checked: 2, first_break: null });
  assert.deepEqual(verifyRows([], null), { valid: true, entries_checked: 0, first_break: null });
});

function firstBreak(rows: readonly Row[]): string | undefined {
  return verifyRows(rows, null).first_break?.reason;
}

test('each kind of break has its name and its place', () => {
  const [one, two, three, four] = ROWS;
  assert.ok(one !== undefined && two !== undefined && three !== undefined && four !== undefined);
  assert.deepEqual(verifyRows([one, { ...two, action: 'scan.run' }, three], null), {
    valid: false,
    entries_checked: 2,
    first_break: { entry_id: two.entry_id, seq: 2, reason: 'entry_hash_mismatch' },
  });
  assert.equal(firstBreak([one, { ...two, duration_ms: 1 }]), 'leaf_hash_mismatch');
  assert.equal(firstBreak([one, three, four]), 'seq_gap');
  assert.equal(firstBreak([two]), 'seq_gap');
  assert.equal(firstBreak([one, two, two]), 'seq_gap');
  assert.equal(firstBreak([one, { ...two, prev_entry_hash: GENESIS }]), 'prev_hash_mismatch');
  assert.equal(firstBreak([one, { ...two, error_message: '\ud800' }]), 'leaf_hash_mismatch');
  const rewritten = appendRow(one, { ...CLOSED_CALL, action: 'scan.run' });
  assert.equal(firstBreak([one, rewritten, three]), 'prev_hash_mismatch');
});

test('a row is not made from a time of another form', () => {
  for (const bad of [
    '2026-06-01T09:00:17.000Z',
    '2026-06-01T09:00:17.000412+00:00',
    '2026-02-30T00:00:00.000000Z',
    '2026-06-01T24:00:00.000000Z',
    '',
  ]) {
    assert.throws(() => appendRow(null, { ...CLOSED_CALL, recorded_at: bad }), RangeError, bad);
  }
});

test('any change of any field of any row is found', () => {
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
  const replacement = fc.oneof(scalar, fc.dictionary(fc.string(), scalar), fc.array(scalar));
  fc.assert(
    fc.property(fc.nat(ROWS.length - 1), fc.constantFrom(...ROW_KEYS), replacement, (index, key, value) => {
      const edited = ROWS.map((row, place) => (place === index ? withField(row, key, value) : row));
      const same = JSON.stringify(edited[index]?.[key]) === JSON.stringify(ROWS[index]?.[key]);
      assert.equal(verifyRows(edited, null).valid, same);
    }),
    { numRuns: 1000 },
  );
});

test('a key that is removed or added is found', () => {
  for (const key of ROW_KEYS) {
    const edited = ROWS.map((row, index) => {
      if (index !== 1) return row;
      const { [key]: _removed, ...rest } = row;
      return fromStore(rest);
    });
    assert.equal(verifyRows(edited, null).valid, false, key);
  }
  assert.equal(
    verifyRows(
      ROWS.map((row, index) => (index === 1 ? fromStore({ ...row, note: 'x' }) : row)),
      null,
    ).valid,
    false,
  );
});

function withField(row: Row, key: keyof Row, value: unknown): Row {
  return fromStore({ ...row, [key]: value });
}

/** What a database gives back has the type that its reader says, whatever was written there. */
function fromStore(value: object): Row {
  const row: Row = JSON.parse(JSON.stringify(value));
  return row;
}

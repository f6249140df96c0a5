import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DraftFact } from '@sallyport/contracts/fact.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { signingKeyAdded, signingKeyPromoted, signingKeyRemoved, signingKeyRevoked } from '@sallyport/contracts/facts/keys.ts';
import { changesAt, emergencyOf, evolveKeyset, KEYSET, type KeysetState, nextStep, publishedKeys } from '../../src/domain/keyset.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const purpose = 'passport';
const public_key = { kty: 'OKP', crv: 'Ed25519', x: 'x' } as const;

const added = (kid: string, state: 'next' | 'active', at_ms: number): DraftFact =>
  draft(signingKeyAdded, { purpose, kid, public_key, state, at_ms });
const promoted = (kid: string, at_ms: number): DraftFact => draft(signingKeyPromoted, { purpose, kid, retired: null, at_ms });
const revoked = (kid: string, replaced_by: string, at_ms: number): DraftFact =>
  draft(signingKeyRevoked, { purpose, kid, replaced_by, reason: 'stolen', at_ms });

function given(...facts: DraftFact[]): KeysetState {
  return facts.reduce(
    (state, fact, index) =>
      evolveKeyset(
        state,
        { ...fact, id: `evt_${index}`, at: 0, operator_id: '-', actor: { type: 'system', id: 'x' } },
        { seq: index + 1, index: 0, ts_ms: 0 },
      ),
    KEYSET.initial(),
  );
}

const stages = (state: KeysetState): Record<string, string> => Object.fromEntries(state.keys.map(({ kid, stage }) => [kid, stage]));

test('given one active key, the next is published after ninety days and signs ten minutes later', () => {
  const first = given(added('a', 'active', 1_000));
  assert.deepEqual(nextStep(first), { at_ms: 1_000 + 90 * DAY, step: { do: 'publish' } });
  const published = given(added('a', 'active', 1_000), added('b', 'next', 5_000));
  assert.deepEqual(nextStep(published), { at_ms: 5_000 + 600_000, step: { do: 'promote', kid: 'b' } });
  assert.deepEqual(
    publishedKeys(published).map(({ kid }) => kid),
    ['a', 'b'],
  );
});

test('given a promotion, the old key counts for 25 hours more and then goes', () => {
  const state = given(added('a', 'active', 0), added('b', 'next', 0), promoted('b', 700_000));
  assert.deepEqual(stages(state), { a: 'retired', b: 'active' });
  assert.deepEqual(
    publishedKeys(state).map(({ kid }) => kid),
    ['b', 'a'],
  );
  assert.deepEqual(nextStep(state), { at_ms: 700_000 + 25 * HOUR, step: { do: 'remove', kid: 'a' } });
  const gone = given(
    added('a', 'active', 0),
    added('b', 'next', 0),
    promoted('b', 700_000),
    draft(signingKeyRemoved, { purpose, kid: 'a', at_ms: 700_000 + 25 * HOUR }),
  );
  assert.deepEqual(
    publishedKeys(gone).map(({ kid }) => kid),
    ['b'],
  );
  assert.deepEqual(nextStep(gone), { at_ms: 700_000 + 90 * DAY, step: { do: 'publish' } });
});

test('given an emergency, the next key takes over, or a new one is needed', () => {
  const alone = given(added('a', 'active', 0));
  assert.deepEqual(emergencyOf(alone, 'a'), { already: false, signed: true, needs_key: true, replaced_by: null });
  const waiting = given(added('a', 'active', 0), added('b', 'next', 0));
  assert.deepEqual(emergencyOf(waiting, 'a'), { already: false, signed: true, needs_key: false, replaced_by: 'b' });
  assert.deepEqual(emergencyOf(waiting, 'b'), { already: false, signed: false, needs_key: false, replaced_by: 'a' });
  assert.equal(emergencyOf(waiting, 'c'), null);
  const over = given(added('a', 'active', 0), added('b', 'next', 0), revoked('a', 'b', 9));
  assert.deepEqual(stages(over), { a: 'revoked', b: 'active' });
  assert.deepEqual(emergencyOf(over, 'a'), { already: true });
  const replaced = given(added('a', 'active', 0), added('c', 'active', 9), revoked('a', 'c', 9));
  assert.deepEqual(stages(replaced), { a: 'revoked', c: 'active' });
  assert.deepEqual(
    publishedKeys(replaced).map(({ kid }) => kid),
    ['c'],
  );
});

test('given any state, each key says when it changes by itself', () => {
  const state = given(added('a', 'active', 0), added('b', 'next', 5), promoted('b', 10), added('c', 'next', 20));
  const at = (kid: string): number | null => {
    const key = state.keys.find((one) => one.kid === kid);
    return key ? changesAt(state, key) : null;
  };
  assert.deepEqual([at('a'), at('b'), at('c')], [10 + 25 * HOUR, 20 + 600_000, 20 + 600_000]);
});

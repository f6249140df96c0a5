import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Constraint } from '../src/constraint.ts';
import { anyOfLoosened, holdsAll, unionConstraints } from '../src/narrowing.ts';

const A: Constraint = { path: 'method', op: 'eq', value: 'GET' };
const A_OTHER_ORDER: Constraint = { value: 'GET', op: 'eq', path: 'method' };
const B: Constraint = { path: 'url.host', op: 'in', value: ['a', 'b'] };
const B_SWAPPED: Constraint = { path: 'url.host', op: 'in', value: ['b', 'a'] };

test('a rule that is already there counts once, also with its keys in another order', () => {
  assert.deepEqual(unionConstraints([A, B], [A_OTHER_ORDER], []), [A, B]);
  assert.deepEqual(unionConstraints([B], [B_SWAPPED]), [B, B_SWAPPED]);
  assert.deepEqual(unionConstraints(), []);
});

test('a child holds all of its parent’s rules or is wider', () => {
  assert.equal(holdsAll([B, A_OTHER_ORDER], [A]), true);
  assert.equal(holdsAll([A], [A, B]), false);
  assert.equal(holdsAll([], []), true);
});

test('a group of sets is loosened by a new set and by its removal', () => {
  assert.equal(anyOfLoosened([[A], [B]], [[A_OTHER_ORDER]]), false);
  assert.equal(anyOfLoosened([[A]], [[A], [B]]), true);
  assert.equal(anyOfLoosened([[A]], []), true);
  assert.equal(anyOfLoosened([], [[A]]), false);
});

test('a union holds all rules of each of its parts, and adding it again changes nothing', () => {
  const constraint = fc.record({
    path: fc.constantFrom('method', 'url.host'),
    op: fc.constant<'eq'>('eq'),
    value: fc.constantFrom('a', 'b', 1, null),
  });
  const list = fc.array(constraint, { maxLength: 8 });
  fc.assert(
    fc.property(list, list, (one, other) => {
      const union = unionConstraints(one, other);
      assert.ok(holdsAll(union, one) && holdsAll(union, other));
      assert.deepEqual(unionConstraints(union, one, other), union);
    }),
  );
});

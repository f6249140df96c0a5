/**
 * How lists of constraints grow from connection to grant to passport to child: rules are added, never taken away (api.md §6, §9.1).
 *
 * Two rules are the same when their RFC 8785 forms are: the order of keys does not matter, the order inside a list does.
 */
import type { AnyOf, Constraint } from './constraint.ts';
import { canonicalText } from './json.ts';

/** All rules of the lists in order; one that is already there counts once. */
export function unionConstraints(...lists: readonly (readonly Constraint[])[]): Constraint[] {
  const union = new Map<string, Constraint>();
  for (const constraint of lists.flat()) union.set(canonicalText(constraint), constraint);
  return [...union.values()];
}

/** True when `child` has every rule of `parent`. */
export function holdsAll(child: readonly Constraint[], parent: readonly Constraint[]): boolean {
  const held = new Set(child.map((constraint) => canonicalText(constraint)));
  return parent.every((constraint) => held.has(canonicalText(constraint)));
}

/** True when `after` lets more through than `before`: the group is gone, or it has a set that was not there (api.md §3.2). */
export function anyOfLoosened(before: AnyOf, after: AnyOf): boolean {
  if (before.length === 0) return false;
  if (after.length === 0) return true;
  const known = new Set(before.map((set) => canonicalText(set)));
  return after.some((set) => !known.has(canonicalText(set)));
}

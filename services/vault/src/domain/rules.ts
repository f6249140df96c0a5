/** Comparing rules by their RFC 8785 form (api.md §3.2). Pure. What cannot be read is in doubt, and doubt is a difference. */
import type { Constraint } from '@sallyport/contracts/objects/access.ts';
import { parseConstraints } from '@sallyport/policy/constraint.ts';
import { holdsAll } from '@sallyport/policy/narrowing.ts';

/** Every constraint of `before` is still in `after`. */
export function keepsConstraints(before: readonly Constraint[], after: readonly Constraint[]): boolean {
  const [old, now] = [parseConstraints(before), parseConstraints(after)];
  return old.ok && now.ok && holdsAll(now.constraints, old.constraints);
}

/** Every set of `before` is still in `after`, with the same constraints. */
export function keepsSets(before: readonly (readonly Constraint[])[], after: readonly (readonly Constraint[])[]): boolean {
  return before.every((set) => after.some((other) => keepsConstraints(set, other) && keepsConstraints(other, set)));
}

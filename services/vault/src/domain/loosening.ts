/** What of a change loosens a protection (api.md §3.2 "Governance"). Making a connection is no loosening; in doubt a change is one. Pure. */
import type { Approval } from '@sallyport/contracts/objects/access.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { keepsConstraints, keepsSets } from './rules.ts';

/** Names of the fields that `after` loosens. */
export function loosenings(before: Connection, after: Connection): string[] {
  return [
    ...(approvalLoosened(before.default_approval, after.default_approval) ? ['default_approval'] : []),
    ...(keepsConstraints(before.baseline_constraints, after.baseline_constraints) ? [] : ['baseline_constraints']),
  ];
}

/** Every change but those to `always`, those from `never`, and those from a list of sets to one that keeps them all. */
export function approvalLoosened(before: Approval, after: Approval): boolean {
  if (after === before || after === 'always' || before === 'never') return false;
  if (typeof before === 'string' || typeof after === 'string') return true;
  return !keepsSets(before, after);
}

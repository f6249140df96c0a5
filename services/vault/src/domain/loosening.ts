/**
 * What of a change loosens a protection, and who may do that (api.md §3.2 "Governance"). Pure. Making a connection is no loosening;
 * in doubt a change is one.
 */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Approval } from '@sallyport/contracts/objects/access.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { hasLetter, type Principal } from '@sallyport/contracts/principal.ts';
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

/**
 * Null when this caller may loosen: a signed-in person who may decide; a member key where the operator lets keys approve; the operator key
 * until somebody has signed in, which nobody can yet.
 */
export function refuseLoosening(who: Principal, loosens: string[], settings: { api_keys_may_approve: boolean }): Denial | null {
  if (loosens.length === 0 || hasLetter(who, 'H') || who.credential === 'operator_key') return null;
  if (who.credential === 'member_key' && settings.api_keys_may_approve) return null;
  return denial('GOVERNANCE_APPROVAL_REQUIRED', 'This change loosens a protection: a signed-in person must make it.', { loosens });
}

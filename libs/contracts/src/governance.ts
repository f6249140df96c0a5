/**
 * Loosening a protection takes a signed-in person (api.md §3.2). What loosens is each owner's to compare; who may is the same everywhere and stands here. Pure.
 */
import { type Denial, denial } from './errors.ts';
import { hasLetter, type Principal } from './principal.ts';

/** The part of an operator that it depends on. */
export interface Governing {
  /** A member has signed in once. */
  signed_in: boolean;
  settings: { api_keys_may_approve: boolean };
}

/** H, a member key where the operator lets keys decide, or, until somebody has signed in, the operator key: scripts set an operator up. */
export function mayLoosen(who: Principal, { signed_in, settings }: Governing): boolean {
  if (hasLetter(who, 'H')) return true;
  if (who.credential === 'member_key') return settings.api_keys_may_approve;
  return who.credential === 'operator_key' && !signed_in;
}

/** `loosens`: the fields whose change does; none, no refusal. */
export function governanceDenial(who: Principal, loosens: readonly string[], operator: Governing): Denial | null {
  if (loosens.length === 0 || mayLoosen(who, operator)) return null;
  return denial('GOVERNANCE_APPROVAL_REQUIRED', 'A signed-in person has to do this.', { loosens: [...loosens] });
}

/** What loosens a protection needs a signed-in person, or, until somebody has signed in, the operator key (api.md §3.2). Pure. */
import { denial, type Denial } from '@sallyport/contracts/errors.ts';
import { hasLetter, type Principal } from '@sallyport/contracts/principal.ts';

/** `signedIn`: the operator has had a signed-in member. */
export function governanceDenial(who: Principal, loosens: readonly string[], signedIn: boolean): Denial | null {
  if (loosens.length === 0 || hasLetter(who, 'H')) return null;
  if (!signedIn && who.credential === 'operator_key') return null;
  return denial('GOVERNANCE_APPROVAL_REQUIRED', 'A signed-in person has to do this.', { loosens: [...loosens] });
}

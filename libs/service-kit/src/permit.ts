/** May this principal call this operation: letters and OAuth scope (api.md §3.2, §3.6). Whose objects it may touch is the owner's to judge. Pure. */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { mayCall, type Principal } from '@sallyport/contracts/principal.ts';
import { EVERYTHING, scopeOpens } from '@sallyport/contracts/scopes.ts';

export function permit(who: Principal, operation: Pick<Operation, 'who' | 'scope'>): Denial | null {
  if (!mayCall(who, operation.who)) return denial('FORBIDDEN', 'This credential may not do that.', { reason: 'role' });
  return scopeDenial(who, operation.scope ?? EVERYTHING);
}

/** Only access tokens are limited by scope. */
export function scopeDenial({ scopes }: Pick<Principal, 'scopes'>, needed: string): Denial | null {
  if (scopes === null || scopeOpens(scopes, needed)) return null;
  return denial('FORBIDDEN', `This token lacks the scope ${needed}.`, { reason: 'scope', needed });
}

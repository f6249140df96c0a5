/** May this principal call this operation: letters and OAuth scope (api.md §3.2, §3.6). Whose objects it may touch is the owner's to judge. Pure. */
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import { mayCall, type Principal } from '@sallyport/contracts/principal.ts';

const EVERYTHING = 'api';
const NOT_IN_EVERYTHING = ['approvals:decide', 'mcp'];

export function permit(who: Principal, operation: Pick<Operation, 'who' | 'scope'>): Denial | null {
  if (!mayCall(who, operation.who)) return denial('FORBIDDEN', 'This credential may not do that.', { reason: 'role' });
  if (who.scopes === null) return null;
  const needed = operation.scope ?? EVERYTHING;
  const open = who.scopes.includes(needed) || (who.scopes.includes(EVERYTHING) && !NOT_IN_EVERYTHING.includes(needed));
  return open ? null : denial('FORBIDDEN', `This token lacks the scope ${needed}.`, { reason: 'scope', needed });
}

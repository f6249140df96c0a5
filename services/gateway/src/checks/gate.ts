/**
 * The approval gate of api.md §10.1, as far as it exists: there are no approvals yet, so a call whose grant asks for one is refused.
 * Pure. Fails closed: an approval id that a caller sends is recorded and opens nothing.
 */
import { type AnyOf, approvalSetMatches, parseAnyOf } from '@sallyport/policy/constraint.ts';
import { isReadIntent } from '@sallyport/policy/named-intents.ts';
import type { CallView } from '@sallyport/policy/view.ts';
import type { ProxyRequest } from '../proxy/request.ts';
import { type Refusal, refusal } from '../refusal.ts';
import type { UsableAccess } from './service.ts';

export function checkApproval(request: ProxyRequest, { grant, connection }: UsableAccess, view: CallView): Refusal | null {
  const { approval } = grant;
  if (approval === 'never') return null;
  if (approval === 'writes' && (request.method === 'GET' || isReadIntent(connection.provider, view))) return null;
  if (Array.isArray(approval)) {
    const sets = setsOf(approval);
    if (sets && !sets.some((set) => approvalSetMatches(set, view))) return null;
  }
  return refusal('FORBIDDEN', 'This call needs an approval, and none can be given yet.', { gate_reason: 'approval_required' });
}

const parsed = new WeakMap<object, AnyOf | null>();

/** Null for rules that cannot be read: then every call needs approval. */
function setsOf(approval: object): AnyOf | null {
  const known = parsed.get(approval);
  if (known !== undefined) return known;
  const read = parseAnyOf(approval);
  const sets = read.ok ? read.any_of : null;
  parsed.set(approval, sets);
  return sets;
}

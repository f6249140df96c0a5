/** An agent's explicit grants, by connection (api.md §5.3). Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { grantChanged, grantRemoved } from '@sallyport/contracts/facts/identity.ts';
import type { Constraint, Grant } from '@sallyport/contracts/objects/access.ts';

/** `constraints` and `any_of` with the named intents of the grant expanded: what calls are judged by. */
export interface HeldGrant {
  grant: Grant;
  constraints: Constraint[];
  any_of: Constraint[][];
}

export interface GrantState {
  grants: Readonly<Record<string, HeldGrant>>;
}

export const GRANT = {
  kind: 'grant',
  initial: (): GrantState => ({ grants: {} }),
  evolve: (state: GrantState, fact: Fact): GrantState => {
    const changed = dataOf(grantChanged, fact);
    if (changed) {
      const { grant, expanded } = changed;
      const held = { grant, constraints: expanded?.constraints ?? grant.constraints, any_of: expanded?.any_of ?? grant.any_of };
      return { grants: { ...state.grants, [grant.connection_id]: held } };
    }
    const removed = dataOf(grantRemoved, fact);
    if (!removed) return state;
    const { [removed.connection_id]: _gone, ...grants } = state.grants;
    return { grants };
  },
};

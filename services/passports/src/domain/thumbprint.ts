/** Whose a key thumbprint is, platform-wide: a key in use belongs to one agent (api.md §5.2). Pure. */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { thumbprintFreed, thumbprintTaken } from '@sallyport/contracts/facts/identity.ts';

export interface ThumbprintState {
  /** Agent id, or null while nobody uses the key. */
  agent_id: string | null;
}

/** On a `unique` subject, read and written like an aggregate, because a freed key may be taken again. */
export const THUMBPRINT = {
  kind: 'unique',
  initial: (): ThumbprintState => ({ agent_id: null }),
  evolve: (state: ThumbprintState, fact: Fact): ThumbprintState => {
    if (dataOf(thumbprintTaken, fact)) return { agent_id: fact.agent_id ?? null };
    return dataOf(thumbprintFreed, fact) ? { agent_id: null } : state;
  },
};

/**
 * Operator and member keys. A key is found by its HMAC (a platform-wide unique record) and lives or dies by its own aggregate, so that a
 * key that was retired never answers from a record that was not told. Pure.
 */
import { dataOf, type Fact } from '@sallyport/contracts/fact.ts';
import { keyCreated, keyRetired } from '@sallyport/contracts/facts/identity.ts';

export interface KeyState {
  exists: boolean;
  key_id: string;
  hmac: string;
  operator_id: string;
  principal: { type: 'operator' | 'member'; id: string } | null;
  dies_at_ms: number | null;
}

export const KEY = {
  kind: 'key',
  initial: (): KeyState => ({ exists: false, key_id: '', hmac: '', operator_id: '', principal: null, dies_at_ms: null }),
  evolve: evolveKey,
};

/** The record under a key's HMAC, in the platform's own name space. */
export const KEY_BY_HMAC = { ...KEY, kind: 'unique' };

export function evolveKey(state: KeyState, fact: Fact): KeyState {
  const made = dataOf(keyCreated, fact);
  if (made) {
    const operatorId = made.principal.type === 'operator' ? made.principal.id : fact.operator_id;
    return { exists: true, key_id: made.key_id, hmac: made.hmac, operator_id: operatorId, principal: made.principal, dies_at_ms: null };
  }
  const retired = dataOf(keyRetired, fact);
  if (retired) return { ...state, dies_at_ms: Math.min(state.dies_at_ms ?? retired.dies_at_ms, retired.dies_at_ms) };
  return state;
}

export function keyLives(state: KeyState, nowMs: number): boolean {
  return state.exists && (state.dies_at_ms === null || nowMs < state.dies_at_ms);
}

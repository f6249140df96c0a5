/** The operator: settings, freeze, keys, team, and the revocation of everything. Pure. */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { operatorBootstrapped, operatorFrozen, operatorKeyRotated, operatorUnfrozen } from '@sallyport/contracts/facts/identity.ts';
import { keyRevoked, keyRotated } from '@sallyport/contracts/facts/keys.ts';
import { operatorSignedIn, operatorUpdated, teamChanged } from '@sallyport/contracts/facts/people.ts';
import { DEFAULT_SETTINGS, type Operator, type OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { noRevocation, type Revocation, revocationOf } from './revocation.ts';
import { ownerFromStart, type Team, teamWith } from './team.ts';

export interface OperatorState {
  exists: boolean;
  /** Where it was made in the log. */
  made_seq: number;
  /** Changes of signing keys that it was told: `<fact type> <kid>`, the last ones. */
  key_news: string[];
  id: string;
  name: string;
  created_at_ms: number;
  settings: OperatorSettings | null;
  frozen: boolean;
  frozen_reason: string | null;
  /** Keys that may still be alive; `dies_at_ms` null: not rotated out. */
  keys: { key_id: string; dies_at_ms: number | null }[];
  /** Members that are not removed. */
  team: Team;
  /** A member has signed in once (api.md §3.2, first run). */
  signed_in: boolean;
  revocation: Revocation;
}

const KEPT_NEWS = 32;

export const OPERATOR = {
  kind: 'operator',
  initial: (): OperatorState => ({
    exists: false,
    made_seq: 0,
    key_news: [],
    id: '',
    name: '',
    created_at_ms: 0,
    settings: null,
    frozen: false,
    frozen_reason: null,
    keys: [],
    team: {},
    signed_in: false,
    revocation: noRevocation,
  }),
  evolve: evolveOperator,
};

export function evolveOperator(state: OperatorState, fact: Fact, at: Position): OperatorState {
  const made = dataOf(operatorBootstrapped, fact);
  if (made) {
    const keys = made.key_id === undefined ? [] : [{ key_id: made.key_id, dies_at_ms: null }];
    const team = ownerFromStart(made.owner_id);
    return {
      ...state,
      exists: true,
      made_seq: at.seq,
      id: fact.operator_id,
      name: made.name,
      created_at_ms: at.ts_ms,
      // Settings that came later have their defaults.
      settings: { ...DEFAULT_SETTINGS, ...made.settings },
      keys,
      team,
    };
  }
  const updated = dataOf(operatorUpdated, fact);
  if (updated) {
    const { name = state.name, settings } = updated.changes;
    return { ...state, name, settings: state.settings && { ...state.settings, ...settings } };
  }
  const changed = dataOf(teamChanged, fact);
  if (changed) return { ...state, team: teamWith(state.team, changed) };
  if (dataOf(operatorSignedIn, fact)) return { ...state, signed_in: true };
  const frozen = dataOf(operatorFrozen, fact);
  if (frozen) return { ...state, frozen: true, frozen_reason: frozen.reason };
  if (dataOf(operatorUnfrozen, fact)) return { ...state, frozen: false, frozen_reason: null };
  const rotated = dataOf(operatorKeyRotated, fact);
  if (rotated) {
    const dies = at.ts_ms + rotated.grace_seconds * 1000;
    const old = state.keys
      .map((key) => ({ ...key, dies_at_ms: Math.min(key.dies_at_ms ?? dies, dies) }))
      .filter((key) => key.dies_at_ms > at.ts_ms);
    return { ...state, keys: [...old, { key_id: rotated.new_key_id, dies_at_ms: null }] };
  }
  const news = dataOf(keyRotated, fact) ?? dataOf(keyRevoked, fact);
  if (news) return { ...state, key_news: [...state.key_news, `${fact.type} ${news.kid}`].slice(-KEPT_NEWS) };
  return { ...state, revocation: revocationOf(state.revocation, fact, at, 'bulk_operator') };
}

/** The wire form (api.md §4). */
export function operatorObject(state: OperatorState & { settings: OperatorSettings }): Operator {
  const { id, name, frozen, frozen_reason, settings } = state;
  return { id, name, created_at: iso(state.created_at_ms), frozen, frozen_reason, settings };
}

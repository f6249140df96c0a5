/**
 * A set of signing keys and its rotation (api.md §6.2): `next` is published before it signs, so that whoever keeps a copy of the set has it in time; `retired`
 * stays published until nothing that it signed can still be used. Pure: time comes from the caller.
 */
import { dataOf, type Fact, type Position } from '@sallyport/contracts/fact.ts';
import { signingKeyAdded, signingKeyPromoted, signingKeyRemoved, signingKeyRevoked } from '@sallyport/contracts/facts/keys.ts';
import type { Ed25519Jwk } from '@sallyport/passport-verify/keys.ts';

export type KeyStage = 'next' | 'active' | 'retired' | 'removed' | 'revoked';

export interface SetKey {
  kid: string;
  public_jwk: Ed25519Jwk;
  stage: KeyStage;
  /** Since when it is in this stage, Unix ms. */
  since_ms: number;
  /** Where that stands in the log. */
  seq: number;
}

export interface KeysetState {
  keys: SetKey[];
}

export const KEYSET = { kind: 'keyset', initial: (): KeysetState => ({ keys: [] }), evolve: evolveKeyset };

/** Twice the life that caches of the published set may have. */
export const PUBLISHED_MS = 600_000;
/** Longest token and refresh grace. */
export const RETIRED_MS = 25 * 3_600_000;
export const SIGNS_MS = 90 * 86_400_000;
/** Keys that are gone are remembered so that a second emergency removal is told from a removal of nothing. */
const KEPT_GONE = 64;

export function evolveKeyset(state: KeysetState, fact: Fact, at: Position): KeysetState {
  const added = dataOf(signingKeyAdded, fact);
  if (added) {
    const { kid, public_key, state: stage, at_ms } = added;
    const others = state.keys.filter((key) => key.kid !== kid);
    const rest = stage === 'active' ? staged(others, 'active', 'retired', at_ms, at.seq) : others;
    return { keys: [...rest, { kid, public_jwk: public_key, stage, since_ms: at_ms, seq: at.seq }] };
  }
  const promoted = dataOf(signingKeyPromoted, fact);
  if (promoted) {
    const { kid, at_ms } = promoted;
    const retired = staged(state.keys, 'active', 'retired', at_ms, at.seq);
    return { keys: moved(retired, kid, 'active', at_ms, at.seq) };
  }
  const removed = dataOf(signingKeyRemoved, fact);
  if (removed) return { keys: forgetful(moved(state.keys, removed.kid, 'removed', removed.at_ms, at.seq)) };
  const revoked = dataOf(signingKeyRevoked, fact);
  if (!revoked) return state;
  const { kid, replaced_by, at_ms } = revoked;
  const gone = moved(state.keys, kid, 'revoked', at_ms, at.seq);
  const next = gone.find((key) => key.kid === replaced_by && key.stage === 'next');
  return { keys: forgetful(next ? moved(gone, replaced_by, 'active', at_ms, at.seq) : gone) };
}

function moved(keys: readonly SetKey[], kid: string, stage: KeyStage, since_ms: number, seq: number): SetKey[] {
  return keys.map((key) => (key.kid === kid ? { ...key, stage, since_ms, seq } : key));
}

function staged(keys: readonly SetKey[], from: KeyStage, to: KeyStage, since_ms: number, seq: number): SetKey[] {
  return keys.map((key) => (key.stage === from ? { ...key, stage: to, since_ms, seq } : key));
}

function forgetful(keys: SetKey[]): SetKey[] {
  const gone = keys.filter((key) => !isPublished(key));
  const forgotten = new Set(gone.slice(0, Math.max(0, gone.length - KEPT_GONE)));
  return keys.filter((key) => !forgotten.has(key));
}

/** Its signatures count. */
export function isPublished({ stage }: Pick<SetKey, 'stage'>): boolean {
  return stage === 'active' || stage === 'next' || stage === 'retired';
}

export function activeKey(state: KeysetState): SetKey | null {
  return state.keys.findLast(({ stage }) => stage === 'active') ?? null;
}

export function nextKey(state: KeysetState): SetKey | null {
  return state.keys.findLast(({ stage }) => stage === 'next') ?? null;
}

/** Those whose signatures count, the signing one first. */
export function publishedKeys(state: KeysetState): SetKey[] {
  const order: KeyStage[] = ['active', 'next', 'retired'];
  return order.flatMap((stage) => state.keys.filter((key) => key.stage === stage));
}

export type KeysetStep = { do: 'publish' } | { do: 'promote'; kid: string } | { do: 'remove'; kid: string };

/** What happens to the set by itself, and when: the earliest first. Null for a set without keys. */
export function nextStep(state: KeysetState): { at_ms: number; step: KeysetStep } | null {
  const active = activeKey(state);
  const next = nextKey(state);
  const steps: { at_ms: number; step: KeysetStep }[] = state.keys
    .filter(({ stage }) => stage === 'retired')
    .map(({ kid, since_ms }) => ({ at_ms: since_ms + RETIRED_MS, step: { do: 'remove', kid } }));
  if (next) steps.push({ at_ms: next.since_ms + PUBLISHED_MS, step: { do: 'promote', kid: next.kid } });
  else if (active) steps.push({ at_ms: active.since_ms + SIGNS_MS, step: { do: 'publish' } });
  return steps.sort((a, b) => a.at_ms - b.at_ms)[0] ?? null;
}

/** When this key changes by itself. */
export function changesAt(state: KeysetState, key: SetKey): number | null {
  if (key.stage === 'next') return key.since_ms + PUBLISHED_MS;
  if (key.stage === 'retired') return key.since_ms + RETIRED_MS;
  if (key.stage !== 'active') return null;
  const next = nextKey(state);
  return next ? next.since_ms + PUBLISHED_MS : key.since_ms + SIGNS_MS + PUBLISHED_MS;
}

/** `needs_key`: a new key has to take its place at once. `signed`: there may be tokens by it. */
export type Emergency = { already: true } | { already: false; signed: boolean; needs_key: boolean; replaced_by: string | null };

/** What an emergency removal of this key takes. Null: the set has no such key. */
export function emergencyOf(state: KeysetState, kid: string): Emergency | null {
  const key = state.keys.find((one) => one.kid === kid);
  if (!key) return null;
  if (!isPublished(key)) return { already: true };
  if (key.stage !== 'active')
    return { already: false, signed: key.stage === 'retired', needs_key: false, replaced_by: activeKey(state)?.kid ?? null };
  const next = nextKey(state);
  return { already: false, signed: true, needs_key: next === null, replaced_by: next?.kid ?? null };
}

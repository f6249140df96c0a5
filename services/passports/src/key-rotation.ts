/**
 * What changes a set of signing keys by itself or when asked for (api.md §6.2). Each step is one decision on the set's own aggregate, so that instances that act at
 * once end up with one next and one active key. The emergency is in `key-emergency.ts`, what a change means for operators in `telling-keys.ts`.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Decision, Ledger, Reader } from '@sallyport/bus/ledger.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { type Actor, draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { type KeysetPurpose, signingKeyAdded, signingKeyPromoted, signingKeyRemoved } from '@sallyport/contracts/facts/keys.ts';
import { target } from '@sallyport/contracts/target.ts';
import { activeKey, KEYSET, type KeysetState, nextKey, nextStep } from './domain/keyset.ts';
import type { NewKey, SigningKeyStore } from './signing-key-store.ts';
import { fence } from './writes.ts';

export interface RotationDeps {
  ledger: Ledger;
  store: SigningKeyStore;
}

export const HOST: Actor = { type: 'system', id: 'host' };
const TIMERS: Actor = { type: 'system', id: 'timers' };
const SERVICE: Actor = { type: 'service', id: 'passports' };

/** The active key after this: another's, if one was made meanwhile. `lost`: the active key whose private part is gone. */
export async function ensureActiveKey(deps: RotationDeps, purpose: KeysetPurpose, lost: string | null): Promise<string> {
  const fresh = await deps.store.make(purpose);
  const kid = await deciding(deps, purpose, SERVICE, async (state, read) => {
    const active = activeKey(state);
    if (active && active.kid !== lost) return { write: [], value: active.kid };
    return { write: [onKeyset(purpose, [addedKey(purpose, fresh, 'active', read.now)])], value: fresh.kid };
  });
  if (kid !== fresh.kid) await deps.store.forget(fresh.kid);
  return kid;
}

/** Publishes the next key, unless there is one. */
export async function publishNext(deps: RotationDeps, purpose: KeysetPurpose, actor: Actor): Promise<void> {
  const fresh = await deps.store.make(purpose);
  const kid = await deciding(deps, purpose, actor, async (state, read) => {
    const next = nextKey(state);
    if (next) return { write: [], value: next.kid };
    return { write: [onKeyset(purpose, [addedKey(purpose, fresh, 'next', read.now)])], value: fresh.kid };
  });
  if (kid !== fresh.kid) await deps.store.forget(fresh.kid);
}

/** Does what is due by itself and says when the next step is, Unix ms; null for a set without keys. */
export async function rotateByTime(deps: RotationDeps, purpose: KeysetPurpose): Promise<number | null> {
  for (;;) {
    const { state } = await deps.ledger.load(KEYSET, PLATFORM, purpose);
    const due = nextStep(state);
    if (!due) return null;
    const done = due.step.do === 'publish' ? await publishDue(deps, purpose, due.at_ms) : await moveDue(deps, purpose);
    if (!done) return due.at_ms;
  }
}

async function publishDue(deps: RotationDeps, purpose: KeysetPurpose, atMs: number): Promise<boolean> {
  const due = await deciding(deps, purpose, TIMERS, async (_state, read) => ({ write: [], value: read.now >= atMs }));
  if (due) await publishNext(deps, purpose, TIMERS);
  return due;
}

/** Promotes or removes, if that is due. */
async function moveDue(deps: RotationDeps, purpose: KeysetPurpose): Promise<boolean> {
  const done = await deciding<{ unneeded: string | null } | null>(deps, purpose, TIMERS, async (state, read) => {
    const due = nextStep(state);
    if (!due || due.step.do === 'publish' || read.now < due.at_ms) return { write: [], value: null };
    const { kid } = due.step;
    if (due.step.do === 'remove') {
      const gone = draft(signingKeyRemoved, { purpose, kid, at_ms: read.now });
      return { write: [onKeyset(purpose, [gone]), keysetChanged(purpose, 'key removed')], value: { unneeded: kid } };
    }
    const retired = activeKey(state)?.kid ?? null;
    const promoted = draft(signingKeyPromoted, { purpose, kid, retired, at_ms: read.now });
    return { write: [onKeyset(purpose, [promoted]), keysetChanged(purpose, 'key promoted')], value: { unneeded: retired } };
  });
  // It has signed for the last time; what it signed is checked with its public part.
  if (done?.unneeded) await deps.store.forget(done.unneeded);
  return done !== null;
}

async function deciding<T>(
  { ledger }: RotationDeps,
  purpose: KeysetPurpose,
  actor: Actor,
  decide: (state: KeysetState, read: Reader) => Promise<Decision<T>>,
): Promise<T> {
  const decided = await ledger.decide<T>({ operator_id: PLATFORM, actor }, async (read) =>
    decide((await read.get(KEYSET, PLATFORM, purpose)).state, read),
  );
  if (!decided.ok) throw new Error(`a key set could not be changed: ${decided.denial.code}`);
  return decided.value;
}

export function onKeyset(purpose: KeysetPurpose, facts: DraftFact[]): Write {
  return { on: KEYSET, operator_id: PLATFORM, id: purpose, facts };
}

/** Whoever keeps a copy of the set has to ask again before it believes a signature. */
export function keysetChanged(purpose: KeysetPurpose, reason: string): Write {
  return fence(PLATFORM, 'keyset', purpose, 'narrowed', [target('keyset', purpose)], reason);
}

export function addedKey(purpose: KeysetPurpose, { kid, public_jwk }: NewKey, state: 'next' | 'active', at_ms: number): DraftFact {
  return draft(signingKeyAdded, { purpose, kid, public_key: { ...public_jwk }, state, at_ms });
}

/**
 * Signing with the active key of a set, and the keys whose signatures count (api.md §6.2). Which key is active is read at the log's leader each time: after a
 * rotation or an emergency removal no instance signs with the old one, and none accepts it.
 */
import type { KeyObject } from 'node:crypto';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { Ledger } from '@sallyport/bus/ledger.ts';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import type { KeysetPurpose } from '@sallyport/contracts/facts/keys.ts';
import type { Ed25519Jwk } from '@sallyport/passport-verify/keys.ts';
import { CompactSign } from 'jose';
import { activeKey, KEYSET, type KeysetState, publishedKeys } from './domain/keyset.ts';
import { ensureActiveKey } from './key-rotation.ts';
import type { SigningKeyStore } from './signing-key-store.ts';

export interface ActiveKey {
  kid: string;
  /** Compact JWS of the claims. */
  sign(claims: object): Promise<string>;
}

export interface Signer {
  /** The key that signs now; one is made where a set has none, or where its private part is gone. Throws LedgerUnavailable. */
  active(): Promise<ActiveKey>;
  /** By `kid`, the signing one first; without the log those that were read last. */
  keys(): Promise<ReadonlyMap<string, Ed25519Jwk>>;
}

export interface SignerDeps {
  ledger: Ledger;
  store: SigningKeyStore;
}

/** `typ`: of the tokens, one per purpose. */
export function createSigner(deps: SignerDeps, purpose: KeysetPurpose, typ: string): Signer {
  const { ledger, store } = deps;
  let held: { kid: string; key: KeyObject } | null = null;
  let lastRead: KeysetState | null = null;

  async function read(): Promise<KeysetState> {
    const { state } = await ledger.load(KEYSET, PLATFORM, purpose);
    lastRead = state;
    return state;
  }

  async function privatePart(kid: string): Promise<KeyObject | null> {
    if (held?.kid === kid) return held.key;
    const key = await store.read(kid);
    if (key) held = { kid, key };
    return key;
  }

  async function usable(): Promise<{ kid: string; key: KeyObject }> {
    const kid = activeKey(await read())?.kid;
    const key = kid === undefined ? null : await privatePart(kid);
    if (kid !== undefined && key) return { kid, key };
    const made = await ensureActiveKey(deps, purpose, kid ?? null);
    const mine = await privatePart(made);
    if (!mine) throw new Error('the signing key is not where it was put');
    return { kid: made, key: mine };
  }

  return {
    active: async () => {
      const { kid, key } = await usable();
      return {
        kid,
        sign: (claims) => new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader({ alg: 'EdDSA', typ, kid }).sign(key),
      };
    },
    keys: async () => {
      const state = await read().catch((error: unknown) => {
        if (error instanceof LedgerUnavailable && lastRead) return lastRead;
        throw error;
      });
      return new Map(publishedKeys(state).map(({ kid, public_jwk }) => [kid, public_jwk]));
    },
  };
}

/**
 * What detectors are told of a call, kept for calls that look alike: the extractors are pure, and without a body everything they see is in the key.
 * Kept per detector key, so that nothing of one operator is compared with another's.
 */
import { type CallFeatures, callFeatures } from '@sallyport/features/call-features.ts';
import { networkHash } from '@sallyport/features/keyed-hash.ts';
import type { CallView } from '@sallyport/policy/view.ts';

const MAX_KEPT = 1_000;
const MAX_KEY = 512;

interface Kept {
  calls: Map<string, CallFeatures>;
  networks: Map<string, string | null>;
}

const byKey = new WeakMap<Uint8Array, Kept>();

function keptFor(key: Uint8Array): Kept {
  const known = byKey.get(key);
  if (known) return known;
  const made = { calls: new Map<string, CallFeatures>(), networks: new Map<string, string | null>() };
  byKey.set(key, made);
  return made;
}

export function featuresOf(key: Uint8Array, service: string, view: CallView): CallFeatures {
  if (view.body !== undefined) return callFeatures(key, service, view);
  const { calls } = keptFor(key);
  const name = `${service} ${view.method} ${view.pathname} ${view.query.length === 0 ? '' : JSON.stringify(view.query)}`;
  const known = calls.get(name);
  if (known) return known;
  const features = callFeatures(key, service, view);
  if (name.length > MAX_KEY) return features;
  if (calls.size >= MAX_KEPT) calls.clear();
  calls.set(name, features);
  return features;
}

export function networkOf(key: Uint8Array, peer: string): string | null {
  const { networks } = keptFor(key);
  const known = networks.get(peer);
  if (known !== undefined) return known;
  const hash = networkHash(key, peer);
  if (networks.size >= MAX_KEPT) networks.clear();
  networks.set(peer, hash);
  return hash;
}

/**
 * What the record of a call tells the detectors, extracted once by the gateway (detectors.md §1.4). Holds no body and no query value.
 */
import { type CallClass, classOf } from './call-class.ts';
import { bodyKeys, destsOf } from './dests.ts';
import { type ResolveId, resourceOf } from './resource.ts';
import { shapeOf, templateOf } from './shape.ts';
import type { FeatureView } from './view.ts';
import { callWords } from './words.ts';

export type CallFeatures = {
  readonly class: CallClass;
  readonly shape: string;
  readonly resource: string | null;
  /** At most 8 keyed hashes. */
  readonly dests: readonly string[];
  /** At most 24. */
  readonly words: readonly string[];
  /** At most 32. */
  readonly body_keys: readonly string[];
};

/** `key` is the operator's detector key. */
export function callFeatures(key: Uint8Array, service: string, view: FeatureView, resolveId?: ResolveId): CallFeatures {
  const resource = resourceOf(service, view, resolveId);
  return {
    class: classOf(view),
    shape: shapeOf(service, view.method, view.pathname),
    resource,
    dests: destsOf(key, service, resource, view),
    words: callWords(service, templateOf(service, view.pathname), resource),
    body_keys: bodyKeys(view.body),
  };
}

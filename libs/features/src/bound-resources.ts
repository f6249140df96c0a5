/**
 * Bound resources: the resources that a mission's summary names bind all calls that address a resource of that kind
 * (api.md §8.2 step 8; detectors.md §2.1).
 */
import type { Anchors } from './anchors.ts';
import { addressedBy, type ResolveId, resourceKindOf } from './resource.ts';
import type { FeatureView } from './view.ts';

/** `services[].resources` of a passport: the anchors of the kind that the service addresses; empty binds nothing. */
export function boundResources(service: string, anchors: Anchors): readonly string[] {
  const kind = resourceKindOf(service);
  return kind === null ? [] : anchors[kind];
}

/**
 * What a delegated passport is bound to: its parent's resources, narrowed by those of its own summary. Where the two have nothing in
 * common the parent's stay: an empty list would bind nothing, and so widen.
 */
export function narrowResources(parent: readonly string[], own: readonly string[]): readonly string[] {
  if (parent.length === 0) return own;
  const both = parent.filter((name) => own.includes(name));
  return both.length === 0 ? parent : both;
}

/**
 * `unbound`: nothing binds, or the call addresses no resource of the kind (`GET /user`). `outside`: it addresses one that is not bound,
 * and is refused with `resource_out_of_scope`. `unresolved`: it names by an id that has no known name, and nothing that is outside.
 */
export type BoundVerdict = 'unbound' | 'inside' | 'outside' | 'unresolved';

/** Judges a call by the `resources` of its service in the passport. */
export function boundResource(service: string, resources: readonly string[], view: FeatureView, resolveId?: ResolveId): BoundVerdict {
  if (resources.length === 0) return 'unbound';
  const addressed = addressedBy(service, view, resolveId);
  if (addressed === null) return 'unbound';
  const bound = new Set(resources.map((name) => name.toLowerCase()));
  if (addressed.names.some((name) => !bound.has(name))) return 'outside';
  return addressed.unresolved ? 'unresolved' : 'inside';
}

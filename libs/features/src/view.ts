/** What the extractors see of a call: the gateway's own parse. The constraint view of `@sallyport/policy/view.ts` fits. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type FeatureView = {
  readonly method: string;
  /** Normalised (api.md §10.2): no dot segments, unreserved characters decoded. */
  readonly pathname: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** The value of a JSON or form body, else undefined. */
  readonly body: Json | undefined;
};

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member of an object, own ones only. */
export function member(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Every member of every object in `value`, breadth first. */
export function* members(value: Json | undefined): Generator<readonly [key: string, value: Json]> {
  let level: Json[] = value === undefined ? [] : [value];
  while (level.length > 0) {
    const next: Json[] = [];
    for (const item of level) {
      if (Array.isArray(item)) for (const element of item) next.push(element);
      else if (isObject(item)) {
        for (const entry of Object.entries(item)) {
          yield entry;
          next.push(entry[1]);
        }
      }
    }
    level = next.filter((item) => typeof item === 'object' && item !== null);
  }
}

/** The strings at or below `value`. */
export function stringsIn(value: Json | undefined): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap((item) => stringsIn(item));
  return isObject(value) ? Object.values(value).flatMap((item) => stringsIn(item)) : [];
}

/** The non-empty segments of a path: an upstream may merge slashes, so empty segments must not hide what a path addresses. */
export function segmentsOf(pathname: string): string[] {
  return pathname.split('/').filter((segment) => segment !== '');
}

/** A segment with its escapes decoded, or as it stands where they are no UTF-8. */
export function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Small schema vocabulary over TypeBox, so that every contract reads alike. */
import { type TEnum, type TSchema, type TUnion, type TNull, type TOptional, Type } from 'typebox';
import { ID_PATTERN, type IdKind, PREFIXES } from './ids.ts';

export const Time = Type.String({ format: 'date-time', description: 'ISO-8601 UTC with milliseconds' });
export const UnixMs = Type.Integer({ minimum: 0, description: 'Unix milliseconds' });
export const Slug = Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$', description: 'provider slug' });
export const Json = Type.Unknown({ description: 'any JSON' });

export function idOf(kind: IdKind): ReturnType<typeof Type.String> {
  return Type.String({ pattern: ID_PATTERN.replace('[a-z]{2,4}', PREFIXES[kind]), description: `${kind} id` });
}

export function text(min: number, max: number): ReturnType<typeof Type.String> {
  return Type.String({ minLength: min, maxLength: max });
}

export function oneOf<const V extends string[]>(values: readonly [...V]): TEnum<V> {
  return Type.Enum([...values] as [...V]);
}

export function nullable<S extends TSchema>(schema: S): TUnion<[S, TNull]> {
  return Type.Union([schema, Type.Null()]);
}

/** In requests `null` means the same as absent (api.md §1.1). */
export function opt<S extends TSchema>(schema: S): TOptional<TUnion<[S, TNull]>> {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

/** Security-relevant objects refuse unknown members: a misspelt restriction must not silently vanish (api.md §1.1). */
export const strict = { additionalProperties: false } as const;

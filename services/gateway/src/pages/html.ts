/**
 * HTML from values. Escaping is by construction: what is not `Html` is escaped, and `Html` comes from the tag alone. Values may stand in text and in
 * double-quoted attributes, nowhere else. Pure.
 */
import { htmlEscape } from 'escape-goat';

const made: unique symbol = Symbol('html');

export interface Html {
  readonly [made]: string;
}

/** `null`, `undefined` and `false` are nothing, so that `condition && html…` reads well. */
export type Value = Html | string | number | null | undefined | false | readonly Value[];

export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = parts[0] ?? '';
  for (const [at, value] of values.entries()) text += render(value) + (parts[at + 1] ?? '');
  return { [made]: text };
}

/** The text of a whole document. */
export function textOf(value: Html): string {
  return value[made];
}

function render(value: Value): string {
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string') return htmlEscape(value);
  if (typeof value === 'number') return String(value);
  return isList(value) ? value.map(render).join('') : value[made];
}

function isList(value: Html | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}

/**
 * The catalogue of named intents (api.md §9.2): one JSON file per provider, checked when it is loaded.
 *
 * A file with anything that could not be expanded stops the start: a named intent that silently loses a constraint would allow more than
 * its name says.
 */
import github from './catalogue/github.json' with { type: 'json' };
import slack from './catalogue/slack.json' with { type: 'json' };
import type { Constraint } from './constraint.ts';
import { compilePattern } from './pattern.ts';
import { parsePath } from './view.ts';

export type StringSchema = { readonly type: 'string'; readonly pattern?: string; readonly maxLength?: number };
export type ParamSchema =
  | StringSchema
  | { readonly type: 'array'; readonly items: StringSchema; readonly minItems: number; readonly maxItems: number };

export type ParamsSchema = {
  readonly type: 'object';
  readonly properties: { readonly [name: string]: ParamSchema };
  readonly required: readonly string[];
  readonly additionalProperties: false;
};

/** A constraint whose strings hold `{x}` and `{x|re}`, or whose value is `{"$param": "x"}`. */
export type ConstraintTemplate = { readonly path: string; readonly op: Constraint['op']; readonly value: unknown };

export type NamedIntent = {
  /** `service.verb_object`. */
  readonly name: string;
  /** `service:resource:verb`. */
  readonly alias: string;
  readonly service: string;
  readonly effect: 'read' | 'write';
  readonly description: string;
  readonly params: ParamsSchema;
  readonly expand: readonly ConstraintTemplate[];
};

/** Thrown for a bad catalogue file; the message names the place in the file. */
export class CatalogueError extends Error {
  constructor(place: string, rule: string) {
    super(`named intents: ${place}: ${rule}`);
    this.name = 'CatalogueError';
  }
}

const OPS: ReadonlySet<string> = new Set<Constraint['op']>(['eq', 'not_eq', 'in', 'not_in', 'matches', 'starts_with']);
const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]*)(\|re)?\}/g;

/** The names that a template string inserts. */
export function placeholdersOf(text: string): { readonly name: string; readonly quoted: boolean }[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '', quoted]) => ({ name, quoted: quoted !== undefined }));
}

/** The string with its placeholders replaced. */
export function fillPlaceholders(text: string, fill: (name: string, quoted: boolean) => string): string {
  return text.replace(PLACEHOLDER, (_all, name: string, quoted: string | undefined) => fill(name, quoted !== undefined));
}

/** The parameter of a `{"$param": "x"}` value, or null. */
export function paramOf(value: unknown): string | null {
  if (!isObject(value) || Object.keys(value).length !== 1) return null;
  const name = value['$param'];
  return typeof name === 'string' ? name : null;
}

/** All named intents of the files, in their order. Throws `CatalogueError` for a bad file. */
export function loadCatalogue(files: readonly unknown[] = [github, slack]): readonly NamedIntent[] {
  const intents = files.flatMap((file, index) => readFile(file, `file ${index}`));
  const spellings = new Set<string>();
  for (const intent of intents) {
    for (const spelling of [intent.name, intent.alias]) {
      if (spellings.has(spelling)) throw new CatalogueError(spelling, 'a name is taken once');
      spellings.add(spelling);
    }
  }
  return intents;
}

function readFile(file: unknown, place: string): NamedIntent[] {
  const { service, version, named_intents: list } = object(file, place);
  if (typeof service !== 'string' || !/^[a-z][a-z0-9_]{0,63}$/.test(service)) throw new CatalogueError(place, 'service is a slug');
  if (version !== 1) throw new CatalogueError(service, 'version is 1');
  return array(list, service).map((item, index) => readIntent(item, service, `${service}.named_intents.${index}`));
}

function readIntent(item: unknown, service: string, place: string): NamedIntent {
  const { name, alias, effect, description, params, expand } = object(item, place);
  if (typeof name !== 'string' || !new RegExp(`^${service}\\.[a-z]+(?:_[a-z]+)*$`).test(name))
    throw new CatalogueError(place, 'name is service.verb_object');
  if (typeof alias !== 'string' || !new RegExp(`^${service}:[a-z_]+:[a-z_]+$`).test(alias))
    throw new CatalogueError(name, 'alias is service:resource:verb');
  if (effect !== 'read' && effect !== 'write') throw new CatalogueError(name, 'effect is read or write');
  if (typeof description !== 'string' || description === '') throw new CatalogueError(name, 'description is a text');
  const schema = readParams(params, name);
  const templates = array(expand, name).map((template, index) => readTemplate(template, schema, `${name}.expand.${index}`));
  if (templates.length === 0) throw new CatalogueError(name, 'expand has a constraint');
  return { name, alias, service, effect, description, params: schema, expand: templates };
}

function readParams(value: unknown, place: string): ParamsSchema {
  const { type, properties, required, additionalProperties } = object(value, `${place}.params`);
  if (type !== 'object' || additionalProperties !== false) throw new CatalogueError(place, 'params is a closed object');
  const read: Record<string, ParamSchema> = {};
  for (const [name, schema] of Object.entries(object(properties, `${place}.params.properties`)))
    read[name] = readParam(schema, `${place}.params.${name}`);
  const needed = array(required, place).filter((name) => typeof name === 'string');
  if (needed.some((name) => !Object.hasOwn(read, name))) throw new CatalogueError(place, 'a required parameter has a schema');
  return { type, properties: read, required: needed, additionalProperties };
}

function readParam(value: unknown, place: string): ParamSchema {
  const { type, items, minItems, maxItems } = object(value, place);
  if (type === 'string') return readString(value, place);
  if (type !== 'array' || typeof minItems !== 'number' || typeof maxItems !== 'number')
    throw new CatalogueError(place, 'string, or bounded array of strings');
  return { type, items: readString(items, place), minItems, maxItems };
}

function readString(value: unknown, place: string): StringSchema {
  const { type, pattern, maxLength, ...rest } = object(value, place);
  if (type !== 'string' || Object.keys(rest).length > 0) throw new CatalogueError(place, 'a string has type, pattern and maxLength');
  if (pattern === undefined && maxLength === undefined) throw new CatalogueError(place, 'a string is bounded by pattern or maxLength');
  if (pattern !== undefined && (typeof pattern !== 'string' || compilePattern(pattern) === null))
    throw new CatalogueError(place, 'pattern is RE2');
  if (maxLength !== undefined && typeof maxLength !== 'number') throw new CatalogueError(place, 'maxLength is a number');
  return { type, ...(pattern === undefined ? {} : { pattern }), ...(maxLength === undefined ? {} : { maxLength }) };
}

function readTemplate(item: unknown, params: ParamsSchema, place: string): ConstraintTemplate {
  const { path, op, value, ...rest } = object(item, place);
  if (Object.keys(rest).length > 0) throw new CatalogueError(place, 'a constraint has path, op and value');
  if (typeof path !== 'string' || parsePath(path) === null) throw new CatalogueError(place, 'path is that of a constraint');
  if (!isOp(op)) throw new CatalogueError(place, 'op is that of a constraint');
  const param = paramOf(value);
  if (param !== null && !Object.hasOwn(params.properties, param)) throw new CatalogueError(place, 'the parameter has a schema');
  if (typeof value === 'string') checkString(value, op, params, place);
  else if (param === null) throw new CatalogueError(place, 'value is a string or a parameter');
  return { path, op, value };
}

// An unquoted parameter inside a pattern would be read as a pattern.
function checkString(text: string, op: Constraint['op'], params: ParamsSchema, place: string): void {
  for (const { name, quoted } of placeholdersOf(text)) {
    const schema = Object.hasOwn(params.properties, name) ? params.properties[name] : undefined;
    if (schema?.type !== 'string') throw new CatalogueError(place, 'an inserted parameter is a string');
    if (quoted !== (op === 'matches')) throw new CatalogueError(place, '{x|re} in patterns, {x} elsewhere');
  }
  if (op === 'matches' && compilePattern(fillPlaceholders(text, () => 'x')) === null) throw new CatalogueError(place, 'pattern is RE2');
}

function isOp(value: unknown): value is Constraint['op'] {
  return typeof value === 'string' && OPS.has(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function object(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new CatalogueError(place, 'is an object');
  return value;
}

function array(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new CatalogueError(place, 'is an array');
  return value;
}

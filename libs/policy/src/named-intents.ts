/**
 * Named intents (api.md §9.2): references expanded to constraints when a rule is written, and calls recognised by them.
 *
 * A constraint that names a parameter which was not given is left out; a required parameter is always given.
 */
import {
  fillPlaceholders,
  loadCatalogue,
  type NamedIntent,
  type ParamSchema,
  paramOf,
  placeholdersOf,
  type StringSchema,
} from './catalogue.ts';
import { type Constraint, firstFailing, parseConstraints } from './constraint.ts';
import { compilePattern, quotePattern } from './pattern.ts';
import type { CallView } from './view.ts';

/** Throws at load when a catalogue file is bad: the process does not start. */
const CATALOGUE = loadCatalogue();
const BY_SPELLING: ReadonlyMap<string, NamedIntent> = new Map(
  CATALOGUE.flatMap((intent) => [[intent.name, intent] as const, [intent.alias, intent] as const]),
);

/** `path` is where in the reference the problem is, such as `params.owner`. */
export type ReferenceProblem = {
  readonly path: string;
  readonly rule: 'object' | 'unknown_field' | 'unknown_intent' | 'required' | 'unknown_param' | 'param';
};

export type Expansion =
  | { readonly ok: true; readonly intent: NamedIntent; readonly constraints: readonly Constraint[] }
  | { readonly ok: false; readonly problem: ReferenceProblem };

/** The named intent of either spelling, or null. */
export function findNamedIntent(spelling: string): NamedIntent | null {
  return BY_SPELLING.get(spelling) ?? null;
}

/** Expands a reference `{name, params}` from outside. Whether it belongs to the service of its scope is the caller's to check (`intent.service`). */
export function expand(reference: unknown): Expansion {
  if (!isObject(reference)) return problem('', 'object');
  const { name, params = {}, ...rest } = reference;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return problem(unknown, 'unknown_field');
  const intent = typeof name === 'string' ? findNamedIntent(name) : null;
  if (intent === null) return problem('name', 'unknown_intent');
  const given = params ?? {};
  if (!isObject(given)) return problem('params', 'object');
  const bad = paramProblem(intent, given);
  if (bad !== null) return { ok: false, problem: bad };

  const rules = intent.expand.flatMap(({ path, op, value }) => {
    const filled = fillValue(value, given);
    return filled === undefined ? [] : [{ path, op, value: filled }];
  });
  const parsed = parseConstraints(rules);
  // Only a parameter that makes a pattern too long comes here: the catalogue itself was checked.
  return parsed.ok ? { ok: true, intent, constraints: parsed.constraints } : problem('params', 'param');
}

/** An entry of `GET /v1/named-intents`. */
export type ListedIntent = Pick<NamedIntent, 'name' | 'alias' | 'service' | 'effect' | 'description'> & { readonly params: object };

export function listNamedIntents(service?: string): readonly ListedIntent[] {
  return CATALOGUE.filter((intent) => service === undefined || intent.service === service).map(
    ({ name, alias, service: of, effect, description, params }) => ({
      name,
      alias,
      service: of,
      effect,
      description,
      params: {
        type: params.type,
        properties: Object.fromEntries(Object.entries(params.properties).map(([param, schema]) => [param, listedParam(schema)])),
        required: params.required,
      },
    }),
  );
}

/** True when the call fits the named intent, whatever its parameters; a listed name in a claim must fit (api.md §10.3). */
export function fitsNamedIntent(intent: NamedIntent, view: CallView): boolean {
  return firstFailing(openConstraints(intent), view) === null;
}

/** True when the call matches a named intent of the service that changes nothing: the `writes` gate lets it pass (api.md §10.1). */
export function isReadIntent(service: string, view: CallView): boolean {
  return CATALOGUE.some((intent) => intent.service === service && intent.effect === 'read' && fitsNamedIntent(intent, view));
}

function paramProblem(intent: NamedIntent, given: Readonly<Record<string, unknown>>): ReferenceProblem | null {
  const { properties, required } = intent.params;
  for (const [name, value] of Object.entries(given)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (schema === undefined) return { path: `params.${name}`, rule: 'unknown_param' };
    if (!paramFits(schema, value)) return { path: `params.${name}`, rule: 'param' };
  }
  const missing = required.find((name) => !Object.hasOwn(given, name));
  return missing === undefined ? null : { path: `params.${missing}`, rule: 'required' };
}

function paramFits(schema: ParamSchema, value: unknown): boolean {
  if (schema.type === 'string') return stringFits(schema, value);
  return (
    Array.isArray(value) &&
    value.length >= schema.minItems &&
    value.length <= schema.maxItems &&
    value.every((item) => stringFits(schema.items, item))
  );
}

function stringFits(schema: StringSchema, value: unknown): value is string {
  if (typeof value !== 'string' || !value.isWellFormed()) return false;
  if (schema.maxLength !== undefined && value.length > schema.maxLength) return false;
  return schema.pattern === undefined || compilePattern(schema.pattern)?.test(value) === true;
}

function fillValue(value: unknown, given: Readonly<Record<string, unknown>>): unknown {
  const param = paramOf(value);
  if (param !== null) return Object.hasOwn(given, param) ? given[param] : undefined;
  if (typeof value !== 'string') return value;
  if (placeholdersOf(value).some(({ name }) => !Object.hasOwn(given, name))) return undefined;
  return fillPlaceholders(value, (name, quoted) => (quoted ? quotePattern(String(given[name])) : String(given[name])));
}

const open = new Map<string, readonly Constraint[]>();

// Constraints on parameters alone fall away; in a path a parameter stands for anything inside one segment.
function openConstraints(intent: NamedIntent): readonly Constraint[] {
  const known = open.get(intent.name);
  if (known !== undefined) return known;
  const constraints = intent.expand.flatMap(({ path, op, value }): Constraint[] => {
    if (typeof value !== 'string') return [];
    if (op === 'matches') return [{ path, op, value: fillPlaceholders(value, () => '[^/]+') }];
    if (placeholdersOf(value).length > 0) return op === 'eq' ? [{ path, op: 'matches', value: openPattern(value) }] : [];
    return op === 'eq' || op === 'not_eq' || op === 'starts_with' ? [{ path, op, value }] : [];
  });
  open.set(intent.name, constraints);
  return constraints;
}

function openPattern(text: string): string {
  const parts = text.split(/\{[A-Za-z_][A-Za-z0-9_]*\}/).map((part) => quotePattern(part));
  return `^${parts.join('[^/]+')}$`;
}

function listedParam(schema: ParamSchema): object {
  return schema.type === 'string' ? { type: 'string' } : { type: 'array', items: { type: 'string' } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problem(path: string, rule: ReferenceProblem['rule']): Expansion {
  return { ok: false, problem: { path, rule } };
}

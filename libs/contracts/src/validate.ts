/**
 * Checking values against the schemas of the contract. Compiled once per schema object; pure. Guarantees that a problem names the
 * field and the rule and never the value: what a caller sent does not come back in an error or a log.
 */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError as Problem } from 'typebox/error';
import { Settings } from 'typebox/system';
import type { FieldProblem } from './errors.ts';

// Errors of every branch of a union count towards the limit, so the default of 8 would cut off the one that matters.
const MAX_GATHERED = 64;
const MAX_REPORTED = 20;
const MAX_NAME = 64;
Settings.Set({ maxErrors: MAX_GATHERED });

interface Compiled {
  Check(value: unknown): boolean;
  Errors(value: unknown): Problem[];
}
const compiled = new WeakMap<TSchema, Compiled>();

function compile(schema: TSchema): Compiled {
  const known = compiled.get(schema);
  if (known) return known;
  const made = Compile(schema);
  compiled.set(schema, made);
  return made;
}

/** True when the value has the schema's shape; nothing is coerced, removed or filled in. */
export function matches<S extends TSchema>(schema: S, value: unknown): value is Static<S> {
  return compile(schema).Check(value);
}

/** What is wrong with the value, empty when nothing is: dotted path (`''` is the whole), rule (`required`, `max_length`, `unknown_field`…). */
export function check(schema: TSchema, value: unknown): FieldProblem[] {
  const validator = compile(schema);
  if (validator.Check(value)) return untold(value, '');
  const problems = collapse(validator.Errors(value)).flatMap(fieldProblems);
  const unique = new Map(problems.map((problem) => [`${problem.path} ${problem.rule}`, problem]));
  const found = [...unique.values()].slice(0, MAX_REPORTED);
  return found.length > 0 ? found : [{ path: '', rule: 'invalid' }];
}

/**
 * Text that no store takes: U+0000, which PostgreSQL refuses in JSON, and half of a surrogate pair, which has no UTF-8 and no RFC 8785 form. Let in, it would
 * stop the audit chain of whoever sent it.
 */
function untold(value: unknown, path: string): FieldProblem[] {
  if (typeof value === 'string') return isText(value) ? [] : [{ path, rule: 'text' }];
  if (Array.isArray(value)) return value.flatMap((one, index) => untold(one, under(path, String(index)))).slice(0, MAX_REPORTED);
  if (!isRecord(value)) return [];
  return Object.entries(value)
    .flatMap(([name, one]) => (isText(name) ? untold(one, under(path, name.slice(0, MAX_NAME))) : [{ path, rule: 'text' }]))
    .slice(0, MAX_REPORTED);
}

function isText(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed();
}

function under(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/**
 * Query parameters arrive as strings. Only those declared integer or boolean are converted, and only from their plain spelling; anything else stays
 * as it came and fails the check. A parameter given twice is an array, which no schema here takes.
 */
export function coerceQuery(schema: TSchema, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const declared: unknown = 'properties' in schema ? schema.properties : {};
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [name, coerce(isRecord(declared) ? declared[name] : undefined, value)]),
  );
}

function coerce(schema: unknown, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const types = typesOf(schema);
  if (types.includes('integer') && /^-?(0|[1-9]\d{0,15})$/.test(value)) return Number(value);
  if (types.includes('boolean') && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function typesOf(schema: unknown): unknown[] {
  if (!isRecord(schema)) return [];
  return Array.isArray(schema['anyOf']) ? schema['anyOf'].flatMap(typesOf) : [schema['type']];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const UNION = ['anyOf', 'oneOf'];

/**
 * A failed union brings the errors of all its branches. Kept are those of the one branch that the value was meant for: the only one that did not fail
 * at the value itself. Without such a branch the union is one problem, at the value.
 */
function collapse(errors: Problem[]): Problem[] {
  const unions = errors.filter(({ keyword }) => UNION.includes(keyword)).sort((a, b) => b.schemaPath.length - a.schemaPath.length);
  let left = errors;
  for (const union of unions) {
    const under = `${union.schemaPath}/${union.keyword}/`;
    const inside = left.filter((error) => error.schemaPath.startsWith(under) && isWithin(error.instancePath, union.instancePath));
    const branches = Map.groupBy(inside, (error) => error.schemaPath.slice(under.length).split('/')[0] ?? '');
    const meant = [...branches.values()].filter((branch) => !branch.some((error) => isMismatch(error, union.instancePath)));
    const alternatives = [...branches.values()].filter((branch) => !branch.every((error) => isNullBranch(error)));
    const only = meant.length === 1 ? meant[0] : alternatives.length === 1 ? alternatives[0] : undefined;
    left = left.filter((error) => error !== union && !inside.includes(error)).concat(only ?? [union]);
  }
  return left;
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}

/** The value is not of this branch's kind at all. */
function isMismatch(error: Problem, path: string): boolean {
  return error.instancePath === path && ['type', 'const', 'enum', 'not', 'anyOf', 'boolean'].includes(error.keyword);
}

function isNullBranch(error: Problem): boolean {
  return error.keyword === 'type' && error.params.type === 'null';
}

function fieldProblems(error: Problem): FieldProblem[] {
  const path = dotted(error.instancePath);
  switch (error.keyword) {
    case 'required':
      return error.params.requiredProperties.map((name) => ({ path: join(path, name), rule: 'required' }));
    case 'additionalProperties':
      return error.params.additionalProperties.map((name) => ({ path: join(path, name.slice(0, MAX_NAME)), rule: 'unknown_field' }));
    case 'boolean':
      // The schema `false` under an unknown member; `additionalProperties` names it.
      return [];
    case 'anyOf':
    case 'oneOf':
      return [{ path, rule: 'type' }];
    case 'not':
      return [{ path, rule: 'not_supported' }];
    case 'const':
      return [{ path, rule: 'enum' }];
    default:
      return [{ path, rule: error.keyword.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) }];
  }
}

function dotted(pointer: string): string {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~').slice(0, MAX_NAME)).join('.');
}

function join(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

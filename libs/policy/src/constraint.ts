/**
 * Constraints: their form, checked when a rule is written, and their verdict on a call (api.md §9.1).
 *
 * Guarantees that doubt is a refusal: an absent value, a value of another type than the operator needs, and a rule that is broken in
 * itself all fail. Expansion of named intents is in `named-intents.ts`.
 */
import type { Json } from './json.ts';
import { compilePattern } from './pattern.ts';
import { type CallView, parsePath, valuesAt, type ViewPath } from './view.ts';

export type Scalar = string | number | boolean | null;

export type Constraint =
  | { readonly path: string; readonly op: 'eq' | 'not_eq'; readonly value: Scalar }
  | { readonly path: string; readonly op: 'in' | 'not_in'; readonly value: readonly Scalar[] }
  | { readonly path: string; readonly op: 'matches' | 'starts_with'; readonly value: string };

/** At least one set must pass in full. */
export type AnyOf = readonly (readonly Constraint[])[];

export const MAX_CONSTRAINTS = 32;
export const MAX_SETS = 16;
export const MAX_SET_CONSTRAINTS = 8;
const MAX_IN_VALUES = 256;

/** `path` is where in the checked value the problem is, such as `3.value`; `rule` is the broken rule. */
export type ConstraintProblem = {
  readonly path: string;
  readonly rule: 'array' | 'max_items' | 'min_items' | 'object' | 'unknown_field' | 'path' | 'op' | 'value' | 'pattern';
};

export type ParsedConstraints =
  | { readonly ok: true; readonly constraints: readonly Constraint[] }
  | { readonly ok: false; readonly problems: readonly ConstraintProblem[] };

export type ParsedAnyOf =
  | { readonly ok: true; readonly any_of: AnyOf }
  | { readonly ok: false; readonly problems: readonly ConstraintProblem[] };

/** Reads a list of constraints from outside. A misspelt key is a problem, so that a restriction cannot silently vanish. */
export function parseConstraints(list: unknown, limit: number = MAX_CONSTRAINTS): ParsedConstraints {
  const problems: ConstraintProblem[] = [];
  const constraints = readConstraints(list, limit, '', problems);
  return problems.length === 0 ? { ok: true, constraints } : { ok: false, problems };
}

/** The problems of a list of constraints; none means that `evaluate` can judge by it. */
export function checkConstraints(list: unknown, limit: number = MAX_CONSTRAINTS): readonly ConstraintProblem[] {
  const parsed = parseConstraints(list, limit);
  return parsed.ok ? [] : parsed.problems;
}

/** Reads one group of `any_of`: up to 16 sets of one to 8 constraints. An empty group restricts nothing and is left out by its writer. */
export function parseAnyOf(sets: unknown): ParsedAnyOf {
  const problems: ConstraintProblem[] = [];
  const anyOf: (readonly Constraint[])[] = [];
  if (!Array.isArray(sets)) return { ok: false, problems: [{ path: '', rule: 'array' }] };
  if (sets.length > MAX_SETS) return { ok: false, problems: [{ path: '', rule: 'max_items' }] };
  for (const [index, set] of sets.entries()) {
    // A set without constraints would pass always and so undo the whole group.
    if (Array.isArray(set) && set.length === 0) problems.push({ path: String(index), rule: 'min_items' });
    else anyOf.push(readConstraints(set, MAX_SET_CONSTRAINTS, String(index), problems));
  }
  return problems.length === 0 ? { ok: true, any_of: anyOf } : { ok: false, problems };
}

/** True when the call passes the constraint. */
export function evaluate(constraint: Constraint, view: CallView): boolean {
  return judge(constraint, view) === 'pass';
}

/** The first constraint that the call does not pass, or null. */
export function firstFailing(constraints: readonly Constraint[], view: CallView): Constraint | null {
  return constraints.find((constraint) => !evaluate(constraint, view)) ?? null;
}

/** True when at least one set of each group passes in full; a group per level (grant, passport, child), and none is no restriction. */
export function anyOfPasses(groups: readonly AnyOf[], view: CallView): boolean {
  return groups.every((sets) => sets.some((set) => set.length > 0 && firstFailing(set, view) === null));
}

/**
 * True when a set of an approval rule applies to the call (api.md §10.1). Here doubt means asking: what is absent, or of a type that
 * the operator cannot judge, counts as a match.
 */
export function approvalSetMatches(set: readonly Constraint[], view: CallView): boolean {
  return set.every((constraint) => judge(constraint, view) !== 'fail');
}

type Verdict = 'pass' | 'fail' | 'doubt';

function judge(constraint: Constraint, view: CallView): Verdict {
  const path = pathOf(constraint.path);
  if (path === null) return 'doubt';
  let verdict: Verdict = 'pass';
  for (const value of valuesAt(view, path)) {
    const one = judgeValue(constraint, value);
    if (one === 'fail') return 'fail';
    if (one === 'doubt') verdict = 'doubt';
  }
  return verdict;
}

function judgeValue(constraint: Constraint, value: Json | undefined): Verdict {
  switch (constraint.op) {
    case 'eq':
      return oneOf([constraint.value], value);
    case 'in':
      return oneOf(constraint.value, value);
    case 'not_eq':
      return noneOf([constraint.value], value);
    case 'not_in':
      return noneOf(constraint.value, value);
    case 'starts_with':
      return typeof value === 'string' ? verdictOf(value.startsWith(constraint.value)) : 'doubt';
    case 'matches': {
      const pattern = compilePattern(constraint.value);
      return typeof value === 'string' && pattern !== null ? verdictOf(pattern.test(value)) : 'doubt';
    }
    default:
      // A token or a stored rule may hold an operator of a later version.
      return 'doubt';
  }
}

function oneOf(wanted: readonly Scalar[], value: Json | undefined): Verdict {
  return isScalar(value) ? verdictOf(wanted.includes(value)) : 'doubt';
}

// `5` and `"5"` are not equal, but an upstream may read one as the other: values of unlike types cannot be told apart, so they do not
// pass as different. `null` stands for no value and differs from every other.
function noneOf(unwanted: readonly Scalar[], value: Json | undefined): Verdict {
  if (!isScalar(value)) return 'doubt';
  if (unwanted.includes(value)) return 'fail';
  const comparable = value === null || unwanted.every((other) => other === null || typeof other === typeof value);
  return comparable ? 'pass' : 'doubt';
}

function verdictOf(passes: boolean): Verdict {
  return passes ? 'pass' : 'fail';
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

function isCleanScalar(value: unknown): value is Scalar {
  return isScalar(value) && (typeof value !== 'string' || value.isWellFormed());
}

const PATH_CACHE_SIZE = 4096;
const paths = new Map<string, ViewPath | null>();

function pathOf(path: string): ViewPath | null {
  const known = paths.get(path);
  if (known !== undefined) return known;
  if (paths.size >= PATH_CACHE_SIZE) paths.clear();
  const parsed = parsePath(path);
  paths.set(path, parsed);
  return parsed;
}

function readConstraints(list: unknown, limit: number, at: string, problems: ConstraintProblem[]): Constraint[] {
  if (!Array.isArray(list)) {
    problems.push({ path: at, rule: 'array' });
    return [];
  }
  if (list.length > limit) {
    problems.push({ path: at, rule: 'max_items' });
    return [];
  }
  const constraints: Constraint[] = [];
  for (const [index, item] of list.entries()) {
    const constraint = readConstraint(item, at === '' ? String(index) : `${at}.${index}`, problems);
    if (constraint !== null) constraints.push(constraint);
  }
  return constraints;
}

function readConstraint(item: unknown, at: string, problems: ConstraintProblem[]): Constraint | null {
  const problem = (field: string, rule: ConstraintProblem['rule']): null => {
    problems.push({ path: field === '' ? at : `${at}.${field}`, rule });
    return null;
  };
  if (!isRecord(item)) return problem('', 'object');
  for (const key of Object.keys(item)) {
    if (key !== 'path' && key !== 'op' && key !== 'value') return problem(key, 'unknown_field');
  }
  const { path, op, value } = item;
  if (typeof path !== 'string' || !path.isWellFormed() || parsePath(path) === null) return problem('path', 'path');
  switch (op) {
    case 'eq':
    case 'not_eq':
      return isCleanScalar(value) ? { path, op, value } : problem('value', 'value');
    case 'in':
    case 'not_in': {
      if (!Array.isArray(value) || value.length < 1 || value.length > MAX_IN_VALUES) return problem('value', 'value');
      const scalars = value.filter(isCleanScalar);
      return scalars.length === value.length ? { path, op, value: scalars } : problem('value', 'value');
    }
    case 'starts_with':
      return typeof value === 'string' && value.isWellFormed() ? { path, op, value } : problem('value', 'value');
    case 'matches':
      if (typeof value !== 'string' || !value.isWellFormed()) return problem('value', 'value');
      return compilePattern(value) === null ? problem('value', 'pattern') : { path, op, value };
    default:
      return problem('op', 'op');
  }
}

type Loose = { readonly path?: unknown; readonly op?: unknown; readonly value?: unknown };

function isRecord(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

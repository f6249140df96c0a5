/**
 * Between constraints as the contract stores them and as `policy` judges them: checked and expanded when a rule is written, so that a stored rule can
 * always be judged (api.md §9). Pure.
 */
import { type Denial, type FieldProblem, invalid } from '@sallyport/contracts/errors.ts';
import type { Constraint, NamedIntentReference } from '@sallyport/contracts/objects/access.ts';
import { checkConstraints, MAX_CONSTRAINTS, MAX_SETS, parseAnyOf } from '@sallyport/policy/constraint.ts';
import { canonicalText, type Json } from '@sallyport/policy/json.ts';
import { expand, findNamedIntent } from '@sallyport/policy/named-intents.ts';

export interface Rules {
  constraints?: Constraint[] | null | undefined;
  intents?: NamedIntentReference[] | null | undefined;
  any_of?: Constraint[][] | null | undefined;
  any_intents?: NamedIntentReference[] | null | undefined;
}

export interface Expanded {
  constraints: Constraint[];
  any_of: Constraint[][];
}

/** The RFC 8785 form: two rules with the same form are the same rule. */
export function ruleText(value: unknown): string {
  // What came over the bus is JSON.
  return canonicalText(value as Json);
}

/** All rules in order; one that is already there counts once. */
export function unionConstraints(...lists: readonly Constraint[][]): Constraint[] {
  const union = new Map<string, Constraint>();
  for (const rule of lists.flat()) {
    const text = ruleText(rule);
    if (!union.has(text)) union.set(text, rule);
  }
  return [...union.values()];
}

/** Checks a set of rules for a provider and writes out its named intents. `at`: the path of the rules in the request. */
export function expandRules(rules: Rules, provider: string, at: string): { ok: true; value: Expanded } | { ok: false; denial: Denial } {
  const own = rules.constraints ?? [];
  const problems: FieldProblem[] = checkConstraints(own).map(({ path, rule }) => ({
    path: `${at}constraints${path === '' ? '' : '.'}${path}`,
    rule,
  }));
  const sets = parseAnyOf(rules.any_of ?? []);
  if (!sets.ok) problems.push(...sets.problems.map(({ path, rule }) => ({ path: `${at}any_of${path === '' ? '' : '.'}${path}`, rule })));
  const written: Constraint[] = [];
  for (const [index, reference] of (rules.intents ?? []).entries()) {
    const expansion = expandReference(reference, provider);
    if (Array.isArray(expansion)) written.push(...expansion);
    else problems.push({ path: `${at}intents.${index}.${expansion.path}`, rule: expansion.rule });
  }
  const alternatives: Constraint[][] = [];
  for (const [index, reference] of (rules.any_intents ?? []).entries()) {
    const expansion = expandReference(reference, provider);
    if (Array.isArray(expansion)) alternatives.push(expansion);
    else problems.push({ path: `${at}any_intents.${index}.${expansion.path}`, rule: expansion.rule });
  }
  const constraints = unionConstraints(own, written);
  const any_of = [...(rules.any_of ?? []), ...alternatives];
  if (constraints.length > MAX_CONSTRAINTS) problems.push({ path: `${at}constraints`, rule: 'max_items' });
  if (any_of.length > MAX_SETS) problems.push({ path: `${at}any_of`, rule: 'max_items' });
  return problems.length > 0 ? { ok: false, denial: invalid(problems) } : { ok: true, value: { constraints, any_of } };
}

/** Does a named intent belong to this provider? `custom.…` belongs to every `custom_…`. */
export function intentBelongsTo(name: string, provider: string): boolean {
  const service = findNamedIntent(name)?.service;
  return service === provider || (service === 'custom' && provider.startsWith('custom_'));
}

/** Null members of `params` count as absent, like everywhere in requests. */
function expandReference({ name, params }: NamedIntentReference, provider: string): Constraint[] | FieldProblem {
  const given = Object.fromEntries(Object.entries(params ?? {}).filter(([, value]) => value !== null));
  const expansion = expand({ name, params: given });
  if (!expansion.ok) return { path: expansion.problem.path, rule: expansion.problem.rule };
  if (!intentBelongsTo(name, provider)) return { path: 'name', rule: 'other_service' };
  return expansion.constraints.map((rule) => ({ ...rule }));
}

/**
 * The options of a connection as they come from outside (api.md §12, §8.4, §9.1), checked when they are written: a rule that cannot be
 * judged, a host that binds nothing or an address outside the bound hosts is refused here, never at call time. Pure.
 */
import type { FieldProblem } from '@sallyport/contracts/errors.ts';
import type { Approval, Constraint } from '@sallyport/contracts/objects/access.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { parseAnyOf, parseConstraints } from '@sallyport/policy/constraint.ts';
import { hostAllowed, parseHostPattern } from '@sallyport/policy/hosts.ts';
import { normaliseUrl } from '@sallyport/policy/url.ts';

/** What an operator sets of a connection, all of it optional; `default` is not here, because it concerns several connections. */
export type Options = Partial<
  Pick<
    Connection,
    | 'label'
    | 'scopes'
    | 'hosts'
    | 'base_url'
    | 'proxy_enabled'
    | 'allow_http'
    | 'allow_private_networks'
    | 'upstream_override'
    | 'propagate_trace'
    | 'placeholders'
    | 'default_access'
    | 'default_approval'
    | 'baseline_constraints'
  >
>;

/** A secret never goes to a destination that was chosen after it was entered: changing these takes the secret anew. */
export const DESTINATION_FIELDS = ['hosts', 'base_url', 'upstream_override', 'allow_http', 'allow_private_networks'] as const;

/** These take letter A. */
export const ADMIN_FIELDS = ['allow_http', 'allow_private_networks', 'upstream_override'] as const;

/** Placeholders of call URLs (api.md §8.2, step 7). */
const PLACEHOLDERS = ['instance_url', 'account_id'];
const PLACEHOLDER_VALUE = /^[A-Za-z0-9._~:/[\]@-]{0,256}$/;

/** The problems of a connection with these options applied; none means that it can be stored. */
export function optionProblems(connection: Connection): FieldProblem[] {
  const hosts = connection.hosts.map(parseHostPattern);
  const bound = hosts.filter((host) => host !== null);
  return [
    ...hosts.flatMap((host, index) => (host === null ? [{ path: `hosts.${index}`, rule: 'host' }] : [])),
    ...urlProblems('base_url', connection.base_url, (url) => hostAllowed(bound, url.scheme, url.host, url.port, connection) === 'ok'),
    ...urlProblems('upstream_override', connection.upstream_override, () => true),
    ...placeholderProblems(connection.placeholders),
    ...constraintProblems(connection.baseline_constraints),
    ...approvalProblems(connection.default_approval),
  ];
}

type Destination = { scheme: string; host: string; port: number };

function urlProblems(path: string, text: string | null, allowed: (url: Destination) => boolean): FieldProblem[] {
  if (text === null) return [];
  const result = normaliseUrl(text);
  if (!result.ok) return [{ path, rule: result.problem }];
  if (result.value.query.length > 0 || text.includes('?') || text.includes('#')) return [{ path, rule: 'no_query' }];
  return allowed(result.value) ? [] : [{ path, rule: 'host_not_bound' }];
}

function placeholderProblems(placeholders: { readonly [name: string]: string }): FieldProblem[] {
  return Object.entries(placeholders).flatMap(([name, value]) => {
    if (!PLACEHOLDERS.includes(name)) return [{ path: `placeholders.${name.slice(0, 64)}`, rule: 'unknown_field' }];
    return PLACEHOLDER_VALUE.test(value) ? [] : [{ path: `placeholders.${name}`, rule: 'url_characters' }];
  });
}

function constraintProblems(constraints: readonly Constraint[]): FieldProblem[] {
  const parsed = parseConstraints(constraints);
  return parsed.ok ? [] : parsed.problems.map((problem) => ({ path: join('baseline_constraints', problem.path), rule: problem.rule }));
}

function approvalProblems(approval: Approval): FieldProblem[] {
  if (typeof approval === 'string') return [];
  const parsed = parseAnyOf(approval);
  return parsed.ok ? [] : parsed.problems.map((problem) => ({ path: join('default_approval', problem.path), rule: problem.rule }));
}

function join(path: string, below: string): string {
  return below === '' ? path : `${path}.${below}`;
}

/** Every option of a connection but `default`, which moves between connections: what a request may set and what a change is told by. */
export const OPTION_NAMES = [
  'label',
  'scopes',
  'hosts',
  'base_url',
  'proxy_enabled',
  'allow_http',
  'allow_private_networks',
  'upstream_override',
  'propagate_trace',
  'placeholders',
  'default_access',
  'default_approval',
  'baseline_constraints',
] as const;

/** The fields whose values differ, by their JSON. */
export function changedFields(before: Connection, after: Connection): (keyof Options | 'default')[] {
  return [...OPTION_NAMES, 'default' as const].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/** Step 8 of api.md §8.2: constraints of passport, grant and connection, and bound resources. Pure. */
import type { TokenService } from '@sallyport/contracts/objects/passport.ts';
import type { AccessView } from '@sallyport/contracts/objects/views.ts';
import { type AnyOf, anyOfPasses, type Constraint, firstFailing, parseAnyOf, parseConstraints } from '@sallyport/policy/constraint.ts';
import { boundResource } from '@sallyport/features/bound-resources.ts';
import { resourceKindOf } from '@sallyport/features/resource.ts';
import type { NormalUrl } from '@sallyport/policy/url.ts';
import { type CallView, callView } from '@sallyport/policy/view.ts';
import { type Header, USER_AGENT } from '../proxy/headers.ts';
import type { ProxyRequest } from '../proxy/request.ts';
import { forbidden, type Refusal } from '../refusal.ts';
import type { UsableAccess } from './service.ts';

/** Null: a rule could not be read, so nothing passes. */
export type Rules = { constraints: readonly Constraint[]; any_of: readonly AnyOf[]; reads_headers: boolean; reads_path: boolean } | null;

const NO_LIMIT = 1024;

export function compileRules(service: TokenService, connection: AccessView['connection'], grant: AccessView['grant']): Rules {
  const constraints: Constraint[] = [];
  for (const list of [connection?.baseline_constraints ?? [], grant?.constraints ?? [], service.constraints ?? []]) {
    const parsed = parseConstraints(list, NO_LIMIT);
    if (!parsed.ok) return null;
    constraints.push(...parsed.constraints);
  }
  const any_of: AnyOf[] = [];
  for (const group of [...(grant?.any_of ?? []), ...service.any_of]) {
    if (group.length === 0) continue;
    const parsed = parseAnyOf(group);
    if (!parsed.ok) return null;
    any_of.push(parsed.any_of);
  }
  const all = [...constraints, ...any_of.flat(2)];
  const reads_headers = all.some(({ path }) => path.startsWith('headers.'));
  const reads_path = all.some(({ path }) => path === 'url.pathname');
  return { constraints, any_of, reads_headers, reads_path };
}

export type Ruled = { ok: true; view: CallView; bound: boolean } | { ok: false; view: CallView; refusal: Refusal };

export function checkRules(request: ProxyRequest, service: TokenService, access: UsableAccess, url: NormalUrl): Ruled {
  const view = viewOf(request, url, asForwarded(request));
  const failed = failing(access.rules, view);
  if (failed) return { ok: false, view, refusal: failed };
  const verdict = boundResource(service.service_name, service.resources, view);
  if (verdict === 'outside' || (verdict === 'unresolved' && namedByPath(service.service_name))) {
    const message = 'The call addresses a resource that the mission does not name.';
    return { ok: false, view, refusal: forbidden('resource_out_of_scope', message) };
  }
  return { ok: true, view, bound: access.rules?.reads_path === true };
}

// A repository has a name in every ordinary call: one addressed by its number alone could be any.
function namedByPath(service: string): boolean {
  return resourceKindOf(service) === 'repo';
}

/** Constraints once more, on the headers as they will leave: the connection's own may replace what the caller sent. */
export function recheckHeaders(
  request: ProxyRequest,
  access: UsableAccess,
  url: NormalUrl,
  headers: Readonly<Record<string, string>>,
): Refusal | null {
  return failing(access.rules, viewOf(request, url, Object.entries(headers)));
}

function viewOf(request: ProxyRequest, url: NormalUrl, headers: readonly Header[]): CallView {
  return callView({ method: request.method, url, query: request.query, headers, body: request.body });
}

function asForwarded({ headers, content_type }: ProxyRequest): readonly Header[] {
  const defaults: Header[] = [['user-agent', USER_AGENT]];
  const body: Header[] = content_type === null ? [] : [['content-type', content_type]];
  return [...defaults, ...headers, ...body];
}

function failing(rules: Rules, view: CallView): Refusal | null {
  if (!rules) return forbidden('constraint_failed', 'A rule of this connection cannot be read, so no call passes it.');
  const single = firstFailing(rules.constraints, view);
  if (single) return broken(single);
  for (const group of rules.any_of) {
    if (anyOfPasses([group], view)) continue;
    const first = group[0] && firstFailing(group[0], view);
    return first ? broken(first) : forbidden('constraint_failed', 'The call passes none of the allowed forms.');
  }
  return null;
}

function broken({ path, op, value }: Constraint): Refusal {
  return forbidden(
    'constraint_failed',
    `The call does not pass the rule on ${path}.`,
    { constraint: { path, op, value } },
    { failed: { path, op, value } },
  );
}

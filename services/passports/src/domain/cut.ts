/**
 * A service of a passport cut to what an agent can reach now: for refreshes, renewals and delegations (api.md §6). Guarantees that the result holds no scope, flow
 * or freedom that either side lacks. Pure.
 */
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { TokenService } from '@sallyport/contracts/objects/passport.ts';
import { MAX_CONSTRAINTS } from '@sallyport/policy/constraint.ts';
import type { Access } from './access.ts';
import { ruleText, unionConstraints } from './constraints.ts';

export type Cut = { ok: true; service: TokenService | null } | { ok: false; denial: Denial };

/** Null: nothing is left. `at`: the path that is named when the rules of both do not fit into one passport. */
export function cutTo(service: TokenService, access: Access | undefined, at: string): Cut {
  if (!access) return { ok: true, service: null };
  const scopes = service.scopes.filter((scope) => access.scopes.includes(scope));
  if (service.scopes.length > 0 && scopes.length === 0) return { ok: true, service: null };
  const constraints = unionConstraints(access.constraints, service.constraints ?? []);
  const baseline = new Set(access.connection.baseline_constraints.map(ruleText));
  if (constraints.filter((rule) => !baseline.has(ruleText(rule))).length > MAX_CONSTRAINTS) {
    return { ok: false, denial: invalid([{ path: at, rule: 'max_items' }]) };
  }
  const flows = meet(service.allow_data_from, access.allow_data_from);
  const { id, provider, credential_ref } = access.connection;
  return {
    ok: true,
    service: {
      connection_id: id,
      service_id: id,
      service_name: provider,
      scopes,
      credential_ref,
      ...(constraints.length > 0 && { constraints }),
      any_of: unionGroups(access.any_of, service.any_of),
      resources: service.resources,
      ...(flows && { allow_data_from: flows }),
    },
  };
}

/** What is left of these services; those without any access are gone. */
export function cutServices(
  services: readonly TokenService[],
  access: readonly Access[],
): { ok: true; services: TokenService[] } | { ok: false; denial: Denial } {
  const left: TokenService[] = [];
  for (const service of services) {
    const made = cutTo(
      service,
      access.find(({ connection }) => connection.id === service.connection_id),
      'token',
    );
    if (!made.ok) return made;
    if (made.service) left.push(made.service);
  }
  return { ok: true, services: left };
}

/** Groups of sets; one that is already there counts once. */
export function unionGroups(...lists: readonly TokenService['any_of'][]): TokenService['any_of'] {
  const groups = new Map<string, TokenService['any_of'][number]>();
  for (const group of lists.flat()) {
    const text = ruleText(group);
    if (!groups.has(text)) groups.set(text, group);
  }
  return [...groups.values()];
}

/** Absent, and `["*"]`: from anywhere. */
function meet(of: readonly string[] | undefined, with_: readonly string[]): string[] | undefined {
  if (with_.includes('*')) return of && [...of];
  return (of ?? with_).filter((slug) => with_.includes(slug));
}

/**
 * Making and changing a connection (api.md §12): from what was asked to the whole new object, or a refusal. Pure. A PATCH is all or nothing:
 * whatever refuses one field refuses the request.
 */
import { connectionNotAllowed, mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import { type Denial, denial, type FieldProblem, invalid } from '@sallyport/contracts/errors.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import { hasLetter, type Principal } from '@sallyport/contracts/principal.ts';
import { ADMIN_FIELDS, changedFields, DESTINATION_FIELDS, OPTION_NAMES, type Options, optionProblems } from './options.ts';

export type Planned = { deny: Denial } | { connection: Connection; changed: string[] };

/** The options of a request: `null` counts as absent, but clears a nullable field where `clears` (PATCH). */
export function optionsOf(body: { readonly [name in keyof Options]?: Options[name] | null }, clears: boolean): Options {
  const nullable = ['label', 'base_url', 'upstream_override'];
  const options: { -readonly [name in keyof Options]: unknown } = {};
  for (const name of OPTION_NAMES) {
    const value = body[name];
    if (value === undefined || (value === null && !(clears && nullable.includes(name)))) continue;
    options[name] = value;
  }
  // Each value is the body's own, and the contract gives both the same types but for the nulls left out above.
  return options as Options;
}

/** Letter A for what opens networks or redirects (api.md §12). */
export function refuseAdminFields(who: Principal, options: Options): Denial | null {
  const asked = ADMIN_FIELDS.filter((name) => options[name] !== undefined);
  if (asked.length === 0 || hasLetter(who, 'A')) return null;
  return denial('FORBIDDEN', `Setting ${asked.join(', ')} takes an admin.`, { reason: 'role', fields: asked });
}

/** A member's `allowed_connections` bind every credential of the member (api.md §3.2). */
export function refuseReach(who: Principal, connection: { id?: string; provider: string }): Denial | null {
  return mayTouch(who, connection) ? null : connectionNotAllowed();
}

export function planConnect(base: Connection, options: Options): Planned {
  const connection = { ...base, ...options };
  const problems = optionProblems(connection);
  return problems.length > 0 ? { deny: invalid(problems) } : { connection, changed: [] };
}

/** `now`: ISO time. `becomesDefault`: the register says so. `credentialRef`: of the new secret, null when none came. */
export function planUpdate(
  before: Connection,
  options: Options,
  ask: { becomesDefault: boolean; credentialRef: string | null; now: string },
): Planned {
  const after: Connection = { ...before, ...options, default: before.default || ask.becomesDefault };
  const changed: string[] = changedFields(before, after);
  const problems: FieldProblem[] = optionProblems(after);
  if (ask.credentialRef === null && DESTINATION_FIELDS.some((name) => changed.includes(name))) {
    problems.unshift({ path: 'credential', rule: 'credential_required' });
  }
  if (problems.length > 0) return { deny: invalid(problems) };
  if (ask.credentialRef !== null) changed.push('credential');
  if (changed.length === 0) return { connection: before, changed };
  const credential =
    ask.credentialRef === null
      ? {}
      : { credential_ref: ask.credentialRef, status: 'active' as const, verification: 'unverified' as const, verified_at: null };
  return { connection: { ...after, ...credential, updated_at: ask.now }, changed };
}

/** Only a new label leaves every kept answer as it was. */
export function narrows(changed: readonly string[]): boolean {
  return changed.some((name) => name !== 'label');
}

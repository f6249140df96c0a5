/**
 * From effective access and what an issue asks for to the services of a passport (api.md §6). Guarantees that a passport never holds more
 * than the access: scopes are subsets, constraints and groups only grow, data flows only shrink. Pure.
 */
import { denial, type Denial, invalid } from '@sallyport/contracts/errors.ts';
import type { NamedIntentReference, ServiceScope } from '@sallyport/contracts/objects/access.ts';
import type { TokenService } from '@sallyport/contracts/objects/passport.ts';
import { MAX_CONSTRAINTS } from '@sallyport/policy/constraint.ts';
import type { Access } from './access.ts';
import { expandRules, intentBelongsTo, unionConstraints } from './constraints.ts';
import { nameOf, type Wanted } from './wanted.ts';

export type Narrowed = { ok: true; services: TokenService[] } | { ok: false; denial: Denial };

export interface NarrowingContext {
  /** All that the agent can reach now, usable connections only. */
  access: Access[];
  /** Providers for which implicit access counts (the intent's and the mission's services). */
  declared: string[];
  /** Bound resources of a provider. */
  resources: (provider: string) => readonly string[];
}

export function narrow(wanted: Wanted, context: NarrowingContext): Narrowed {
  const chosen = choose(wanted, context);
  if (!chosen.ok) return chosen;
  const stray = wanted.intents.findIndex(
    ({ name }) => !chosen.picks.some(({ access }) => intentBelongsTo(name, access.connection.provider)),
  );
  if (stray >= 0) return refuse(invalid([{ path: `intents.${stray}`, rule: 'other_service' }]));

  const services: TokenService[] = [];
  for (const [index, pick] of chosen.picks.entries()) {
    const own = wanted.intents.filter(({ name }) => intentBelongsTo(name, pick.access.connection.provider));
    const made = serviceOf(pick, own, wanted.flat_scopes, context.resources, `scopes.${index}.`);
    if (!made.ok) return made;
    if (made.service) services.push(made.service);
  }
  if (wanted.flat_scopes && services.length === 0 && chosen.picks.length > 0)
    return refuse(escalation('No service has any of these scopes.'));
  return { ok: true, services };
}

interface Pick {
  access: Access;
  entry: ServiceScope | null;
}

function choose(wanted: Wanted, { access, declared }: NarrowingContext): { ok: true; picks: Pick[] } | { ok: false; denial: Denial } {
  const within = wanted.services;
  const missing = (within ?? []).filter((name) => !access.some((one) => isNamed(one, name)));
  if (wanted.scopes) {
    const picks: Pick[] = [];
    for (const [index, entry] of wanted.scopes.entries()) {
      const found = findOne(entry, access);
      if (found === 'ambiguous') return refuse(invalid([{ path: `scopes.${index}.service`, rule: 'ambiguous' }]));
      if (!found) missing.push(nameOf(entry));
      else if (within && !within.some((name) => isNamed(found, name)))
        return refuse(invalid([{ path: `scopes.${index}`, rule: 'disagrees' }]));
      else if (picks.some((pick) => pick.access === found)) return refuse(invalid([{ path: `scopes.${index}`, rule: 'duplicate' }]));
      else picks.push({ access: found, entry });
    }
    if (missing.length > 0) return refuse(notGranted(missing));
    return { ok: true, picks };
  }
  if (missing.length > 0) return refuse(notGranted(missing));
  const counted = access.filter((one) =>
    within ? within.some((name) => isNamed(one, name)) : one.explicit || declared.includes(one.connection.provider),
  );
  return { ok: true, picks: counted.map((one) => ({ access: one, entry: null })) };
}

function isNamed({ connection }: Access, name: string): boolean {
  return connection.id === name || connection.provider === name;
}

/** By id, else by slug: the only connection of the provider, else its default one. */
function findOne(entry: ServiceScope, access: Access[]): Access | 'ambiguous' | null {
  if (entry.service_connection_id) return access.find(({ connection }) => connection.id === entry.service_connection_id) ?? null;
  const named = access.filter((one) => isNamed(one, entry.service ?? ''));
  if (named.length <= 1) return named[0] ?? null;
  return named.find(({ connection }) => connection.default) ?? 'ambiguous';
}

function serviceOf(
  { access, entry }: Pick,
  intents: NamedIntentReference[],
  flatScopes: string[] | null,
  resources: NarrowingContext['resources'],
  at: string,
): { ok: true; service: TokenService | null } | { ok: false; denial: Denial } {
  const { connection } = access;
  const asked = entry?.scopes ?? access.scopes;
  const beyond = asked.filter((scope) => !access.scopes.includes(scope));
  if (beyond.length > 0)
    return refuse(escalation(`${connection.provider} is not granted ${beyond.join(', ').slice(0, 200)}.`, connection.provider));
  const scopes = flatScopes ? asked.filter((scope) => flatScopes.includes(scope)) : asked;
  if (flatScopes && scopes.length === 0) return { ok: true, service: null };

  const rules = entry ?? {};
  const expanded = expandRules({ ...rules, any_intents: [...(rules.any_intents ?? []), ...intents] }, connection.provider, entry ? at : '');
  if (!expanded.ok) return expanded;
  const own = unionConstraints(access.own_constraints, expanded.value.constraints);
  if (own.length > MAX_CONSTRAINTS) return refuse(invalid([{ path: `${at}constraints`, rule: 'max_items' }]));
  const constraints = unionConstraints(access.constraints, expanded.value.constraints);
  const any_of = expanded.value.any_of.length > 0 ? [...access.any_of, expanded.value.any_of] : access.any_of;

  const flows = entry?.allow_data_from ?? access.allow_data_from;
  const wider = access.allow_data_from.includes('*') ? [] : flows.filter((slug) => !access.allow_data_from.includes(slug));
  if (wider.length > 0)
    return refuse(escalation(`${connection.provider} may not take data from ${wider.join(', ').slice(0, 200)}.`, connection.provider));
  return {
    ok: true,
    service: {
      connection_id: connection.id,
      service_id: connection.id,
      service_name: connection.provider,
      scopes: [...scopes],
      credential_ref: connection.credential_ref,
      ...(constraints.length > 0 && { constraints }),
      any_of,
      resources: [...resources(connection.provider)],
      ...(!flows.includes('*') && { allow_data_from: [...flows] }),
    },
  };
}

export function notGranted(services: string[]): Denial {
  const names = services.map((name) => name.slice(0, 64));
  return denial('FORBIDDEN', `The agent has no access to ${names.join(', ')}.`, { reason: 'service_not_granted', services: names });
}

function escalation(message: string, service?: string): Denial {
  return denial('SCOPE_ESCALATION', message, service === undefined ? undefined : { service });
}

function refuse(refusal: Denial): { ok: false; denial: Denial } {
  return { ok: false, denial: refusal };
}

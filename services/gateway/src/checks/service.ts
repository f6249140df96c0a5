/** Step 6 of api.md §8.2: which connection the call means, and whether passport, grant and caller may use it. Pure. */
import { invalid } from '@sallyport/contracts/errors.ts';
import type { TokenService } from '@sallyport/contracts/objects/passport.ts';
import type { AccessView } from '@sallyport/contracts/objects/views.ts';
import { type HostPattern, parseHostPattern } from '@sallyport/policy/hosts.ts';
import type { Standing } from '../pipeline.ts';
import { forbidden, type Refusal, refusal } from '../refusal.ts';
import { compileRules, type Rules } from './rules.ts';

type Connection = NonNullable<AccessView['connection']>;
type Grant = NonNullable<AccessView['grant']>;

/** One connection of the passport as it is now, its rules read once. */
export interface Access {
  position: number;
  connection: Connection | null;
  grant: Grant | null;
  hosts: readonly HostPattern[];
  rules: Rules;
}

export function accessOf(service: TokenService, view: AccessView): Access {
  const { connection, grant } = view;
  return {
    position: view.position,
    connection,
    grant,
    hosts: (connection?.hosts ?? []).map(parseHostPattern).filter((pattern) => pattern !== null),
    rules: compileRules(service, connection, grant),
  };
}

/** With a connection and a grant that live. */
export type UsableAccess = Access & { connection: Connection; grant: Grant };

export type Chosen = { ok: true; service: TokenService; access: UsableAccess } | { ok: false; refusal: Refusal };

const no = (refused: Refusal): Chosen => ({ ok: false, refusal: refused });

/** `wanted`: provider slug or `scon_` id. */
export function checkService(wanted: string, standing: Standing, nowMs: number): Chosen {
  const { passport, principal } = standing;
  const named = passport.services.filter((one) => one.connection_id === wanted || one.service_name === wanted);
  if (named.length === 0) return no(outOfScope(wanted, passport));
  const service = named.length === 1 ? named[0] : theDefault(named, standing);
  if (!service) return no({ denial: invalid([{ path: 'service', rule: 'ambiguous' }], 'Several connections match; name one by its id.') });

  const access = standing.access.get(service.connection_id);
  const { connection = null, grant = null } = access ?? {};
  if (!access || !connection || !grant || (grant.expires_at_ms !== null && grant.expires_at_ms <= nowMs)) {
    return no(forbidden('grant_revoked', `The agent's access to ${service.service_name} was withdrawn.`));
  }
  if (!connection.proxy_enabled || connection.status === 'disabled') {
    return no(forbidden('proxy_disabled', 'This connection does not take proxied calls.'));
  }
  if (access.hosts.length === 0) return no(forbidden('hosts_unset', 'This connection has no hosts to call.'));
  const allowed = principal.allowed_connections;
  if (allowed && !allowed.includes(connection.id) && !allowed.includes(connection.provider)) {
    return no(forbidden('connection_not_allowed', 'The caller may not use this connection.'));
  }
  if (connection.status !== 'active') return no(refusal('CREDENTIAL_UNAVAILABLE', 'The connection has no usable credential.'));
  return { ok: true, service, access: { ...access, connection, grant } };
}

function theDefault(named: readonly TokenService[], standing: Standing): TokenService | undefined {
  return named.find((one) => standing.access.get(one.connection_id)?.connection?.default === true);
}

function outOfScope(wanted: string, passport: Standing['passport']): Refusal {
  const intent_services = passport.intent_services;
  const granted_providers = [...new Set(passport.services.map((one) => one.service_name))];
  const metadata = { intent_services, granted_providers };
  const slug = wanted.slice(0, 64);
  return intent_services.includes(wanted)
    ? forbidden('service_not_granted', `${slug} is declared but not granted.`, metadata, metadata)
    : forbidden('service_out_of_scope', `${slug} is outside the scope of this passport.`, metadata, metadata);
}

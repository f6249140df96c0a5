/** `POST /v1/services/connect` with a credential (api.md §12). Sign-in by OAuth does not exist yet: without a token such a service is 400. */
import { iso } from '@sallyport/contracts/time.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { type Denial, type FieldProblem, invalid, notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { serviceConnected } from '@sallyport/contracts/facts/vault.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { BodyOf } from '@sallyport/contracts/operation.ts';
import type { connectService } from '@sallyport/contracts/operations/services.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { type CatalogueService, findService, serviceId } from '../catalogue/catalogue.ts';
import type { Deps } from '../deps.ts';
import { connectionKind } from '../domain/connection.ts';
import { readCredential, type StoredCredential } from '../domain/credential.ts';
import { withConnection } from '../domain/provider.ts';
import { optionsOf, planConnect, refuseAdminFields, refuseReach } from '../domain/update.ts';
import { readRegister, registerWrites } from './writes.ts';

type Body = BodyOf<typeof connectService>;

export function connectOperation({ clock, ledger, passports, secrets, signals }: Deps): OperationHandler<typeof connectService> {
  return async ({ call, operation, principal, body, scope }) => {
    const service = serviceOf(body);
    if ('code' in service) return refuse(service);
    const options = optionsOf(body, false);
    const forbidden = refuseReach(principal, service) ?? refuseAdminFields(principal, options);
    if (forbidden) return refuse(forbidden);
    const credential = credentialOf(service, body);
    if ('code' in credential) return refuse(credential);
    const { settings } = await passports.operator(principal.operator_id, call);
    const now = clock.now();
    const at = iso(now);
    const base: Connection = {
      id: newId('connection', now),
      service_id: serviceId(service),
      provider: service.provider,
      label: null,
      status: 'active',
      verification: 'unverified',
      verified_at: null,
      scopes: [...service.default_scopes],
      hosts: [...service.hosts],
      base_url: options.hosts === undefined ? service.base_url : null,
      default: false,
      proxy_enabled: true,
      allow_http: false,
      allow_private_networks: false,
      upstream_override: null,
      propagate_trace: false,
      placeholders: {},
      default_access: settings.default_connection_access,
      default_approval: 'never',
      baseline_constraints: [],
      credential_ref: newId('credential', now),
      connected_by: { type: principal.type, id: principal.id },
      connected_at: at,
      updated_at: at,
    };
    const planned = planConnect(base, options);
    if ('deny' in planned) return refuse(planned.deny);
    const { id, credential_ref, provider } = base;
    await secrets.put(id, credential_ref, credential);
    const decided = await ledger.decide(scope, async (read) => {
      const before = await readRegister(read, principal.operator_id, provider);
      const after = withConnection(before, id, body.default === true);
      const connection: Connection = { ...planned.connection, default: after.default_connection_id === id };
      const register = await registerWrites(read, principal.operator_id, provider, { before, after, handled: id });
      const write = { on: connectionKind, operator_id: principal.operator_id, id, facts: [draft(serviceConnected, { connection })] };
      return { write: [write, ...register], value: { ...connection, authorize_url: null } };
    });
    // Nothing names this row when the answer is a refusal or an earlier one's; after a crash here it stays, unread.
    if (!decided.ok || decided.replayed) await secrets.destroy(credential_ref);
    else signals.connected(id, principal.operator_id);
    return answerOf(operation, decided, (connection) => connection);
  };
}

function serviceOf({ service_id, provider }: Body): CatalogueService | Denial {
  const named = service_id ?? provider ?? null;
  if (named === null) return invalid([{ path: 'service_id', rule: 'required' }]);
  const service = findService(named);
  if (!service) return notFound('Service', named);
  if (service_id != null && provider != null && findService(provider) !== service)
    return invalid([{ path: 'provider', rule: 'agrees_with_service_id' }]);
  return service;
}

function credentialOf(service: CatalogueService, { oauth_token, credential }: Body): StoredCredential | Denial {
  const given = credential ?? oauth_token ?? null;
  if (credential != null && oauth_token != null) return invalid([{ path: 'oauth_token', rule: 'either_or' }]);
  if (given === null)
    return invalid([{ path: service.inject.token ? 'credential' : 'oauth_token', rule: 'required' }], noCredential(service));
  const read = readCredential(service, given, oauth_token != null && service.inject.oauth2 ? 'oauth2' : null);
  return read.ok ? read.credential : invalid(read.problems.map((problem) => named(problem, oauth_token != null)));
}

function noCredential(service: CatalogueService): string {
  return service.inject.oauth2
    ? `${service.name} has no OAuth application configured here: give a token as oauth_token.`
    : `${service.name} needs a credential.`;
}

function named(problem: FieldProblem, byToken: boolean): FieldProblem {
  return byToken ? { ...problem, path: 'oauth_token' } : problem;
}

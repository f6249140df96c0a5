/**
 * `PATCH /v1/services/connections/:id` and `PUT …/credential` (api.md §12): all of it or nothing. Where a secret may go changes only together
 * with the secret, and every new secret is a new reference.
 */
import { iso } from '@sallyport/contracts/time.ts';
import type { Decided, Scope } from '@sallyport/bus/ledger.ts';
import { type BusAnswer, type BusCall, refuse } from '@sallyport/contracts/call.ts';
import { type Denial, invalid, notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { type Governing, governanceDenial } from '@sallyport/contracts/governance.ts';
import { serviceUpdated } from '@sallyport/contracts/facts/vault.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Operation } from '@sallyport/contracts/operation.ts';
import type { replaceCredential, updateConnection } from '@sallyport/contracts/operations/services.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { findService } from '../catalogue/catalogue.ts';
import type { Deps } from '../deps.ts';
import { connectionKind } from '../domain/connection.ts';
import { type CredentialInput, readCredential, type StoredCredential } from '../domain/credential.ts';
import { loosenings } from '../domain/loosening.ts';
import type { Options } from '../domain/options.ts';
import { withDefault } from '../domain/provider.ts';
import { narrows, optionsOf, planUpdate, refuseAdminFields, refuseReach } from '../domain/update.ts';
import { fenceWrite, readRegister, registerWrites } from './writes.ts';

interface Change {
  options: Options;
  default: boolean | null;
  credential: CredentialInput | null;
}

export function updateOperation(deps: Deps): OperationHandler<typeof updateConnection> {
  return async ({ call, operation, principal, params, body, scope }) => {
    const change = { options: optionsOf(body, true), default: body.default ?? null, credential: body.credential ?? null };
    return update(deps, { call, operation, principal, scope }, params.connection_id, change);
  };
}

export function replaceOperation(deps: Deps): OperationHandler<typeof replaceCredential> {
  return async ({ call, operation, principal, params, body, scope }) =>
    update(deps, { call, operation, principal, scope }, params.connection_id, { options: {}, default: null, credential: body.credential });
}

interface Asked {
  call: BusCall;
  operation: Operation;
  principal: Principal;
  scope: Scope;
}

async function update(deps: Deps, asked: Asked, id: string, change: Change): Promise<BusAnswer> {
  const { clock, ledger, passports, secrets, signals } = deps;
  const { operator_id } = asked.principal;
  const known = isId('connection', id) ? (await ledger.load(connectionKind, operator_id, id)).state : null;
  if (known?.status !== 'live') return refuse(notFound('Connection', id));
  const forbidden = refuseReach(asked.principal, known.connection) ?? refuseAdminFields(asked.principal, change.options);
  if (forbidden) return refuse(forbidden);
  const credential = credentialOf(known.connection, change.credential);
  if (credential && 'code' in credential) return refuse(credential);
  const operator = await passports.operator(operator_id, asked.call);
  const credentialRef = credential ? newId('credential', clock.now()) : null;
  if (credential && credentialRef) await secrets.put(id, credentialRef, credential);
  const decided = await decide(deps, asked, id, { ...change, credentialRef, operator });
  if (credentialRef && !decided.ok) await secrets.destroy(credentialRef);
  if (!decided.ok) return refuse(decided.denial);
  const { before, changed } = decided.value;
  if (credentialRef) await secrets.destroy(before.credential_ref);
  if (changed.length > 0) signals.changed(id, operator_id, changed);
  return answerOf(asked.operation, decided, ({ connection }) => connection);
}

function credentialOf(connection: Connection, input: CredentialInput | null): StoredCredential | Denial | null {
  if (input === null) return null;
  const service = findService(connection.provider);
  if (!service) return invalid([{ path: 'credential', rule: 'not_supported' }]);
  const read = readCredential(service, input);
  return read.ok ? read.credential : invalid(read.problems);
}

type Outcome = { connection: Connection; before: Connection; changed: string[] };
type Decisive = Change & { credentialRef: string | null; operator: Governing };

/** Reads the connection anew: what was loaded before the secret was stored may have changed. */
async function decide({ ledger }: Deps, { principal, scope }: Asked, id: string, change: Decisive): Promise<Decided<Outcome>> {
  const operatorId = principal.operator_id;
  return ledger.decide<Outcome>(scope, async (read) => {
    const { state } = await read.get(connectionKind, operatorId, id);
    if (state.status !== 'live') return { deny: notFound('Connection', id) };
    const before = state.connection;
    if (change.default === false && before.default) return { deny: invalid([{ path: 'default', rule: 'one_default' }]) };
    const becomesDefault = change.default === true && !before.default;
    const now = iso(read.now);
    const planned = planUpdate(before, change.options, { becomesDefault, credentialRef: change.credentialRef, now });
    if ('deny' in planned) return planned;
    const { connection, changed } = planned;
    const refused = governanceDenial(principal, loosenings(before, connection), change.operator);
    if (refused) return { deny: refused };
    if (changed.length === 0) return { write: [], value: { connection, before, changed } };
    const fact = draft(serviceUpdated, { connection, changed, credential_changed: change.credentialRef !== null });
    const write = [{ on: connectionKind, operator_id: operatorId, id, facts: [fact] }];
    const fence = narrows(changed) ? [fenceWrite(operatorId, id, changed.join(' '))] : [];
    const register = becomesDefault ? await readRegister(read, operatorId, before.provider) : null;
    const moved = register
      ? await registerWrites(read, operatorId, before.provider, { before: register, after: withDefault(register, id), handled: id })
      : [];
    return { write: [...write, ...fence, ...moved], value: { connection, before, changed } };
  });
}

/**
 * The device flow up to the person's decision (RFC 8628; api.md §3.6). A device is found by its user code alone; which codes there are nobody learns: a wrong, an
 * old and a decided one are answered alike, and a session that guesses is stopped.
 */
import { createHash, randomBytes } from 'node:crypto';
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { deviceApproved, deviceAsked, deviceDenied } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { authorizeDevice, decideDevice, type viewDevice } from '@sallyport/contracts/operations/oauth.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { EVERYTHING, knownScopes } from '@sallyport/contracts/scopes.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { answerOf, success } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import type { Deps } from '../../deps.ts';
import { DEVICE, DEVICE_MS, type DeviceState, deviceWaits, INTERVAL_SECONDS, readUserCode, userCode } from '../../domain/device.ts';
import { readActiveMember, readOperatorName } from '../../sign-in/members.ts';
import { makeOpaque } from '../../sign-in/opaque.ts';
import { findClient } from '../../sign-in/requests.ts';
import { sessionOnly } from '../../sign-in/session-only.ts';
import { builtInClient } from '../../domain/oauth-client.ts';

const RANDOM_BYTES = 32;

export function authorizeDeviceOperation(deps: Deps): OperationHandler<typeof authorizeDevice> {
  return async ({ call, body, scopeFor }) => {
    const client = await findClient(deps, body.client_id);
    if (!client) return refuse(oauthDenial('invalid_client', 'This client is not registered here.'));
    const scopes = knownScopes(body.scope ?? EVERYTHING);
    if (scopes.length === 0) return refuse(oauthDenial('invalid_scope', 'None of these scopes exists here.'));
    const address = await deps.signIn.addresses.seal(call.peer ?? '');
    const decided = await deps.ledger.decide(scopeFor(PLATFORM, { type: 'system', id: 'oauth' }), async (read) => {
      const { code, id } = await freeCode(deps, async (candidate) => (await read.get(DEVICE, PLATFORM, candidate)).state, read.now);
      const device = makeOpaque('dc', PLATFORM, id);
      const { client_id, client_name } = client;
      const asked = draft(deviceAsked, {
        sha256: device.sha256,
        client_id,
        client_name,
        scopes,
        address,
        expires_at_ms: read.now + DEVICE_MS,
      });
      return { write: [{ on: DEVICE, operator_id: PLATFORM, id, facts: [asked] }], value: { device_code: device.text, user_code: code } };
    });
    const uri = `${deps.public_url}/device`;
    return answerOf(authorizeDevice, decided, ({ device_code, user_code }) => ({
      device_code,
      user_code,
      verification_uri: uri,
      verification_uri_complete: `${uri}?user_code=${user_code}`,
      expires_in: DEVICE_MS / 1000,
      interval: INTERVAL_SECONDS,
    }));
  };
}

/** A code under which nothing waits. */
async function freeCode(deps: Deps, read: (id: string) => Promise<DeviceState>, now: number): Promise<{ code: string; id: string }> {
  for (;;) {
    const code = userCode(randomBytes(RANDOM_BYTES));
    if (code === null) continue;
    const id = deviceId(deps, code);
    if (now >= (await read(id)).expires_at_ms) return { code, id };
  }
}

/** Under the pepper: the name of the subject does not give the code away. */
function deviceId({ keys }: Pick<Deps, 'keys'>, code: string): string {
  return keys.hmac(createHash('sha256').update(`device ${code}`).digest('hex'));
}

const NO_DEVICE = denial('NOT_FOUND', 'No device waits with this code.');

type Found = { device: DeviceState; code: string; id: string } | { refused: BusAnswer };

async function find(deps: Deps, principal: Principal, typed: string): Promise<Found> {
  const denied = sessionOnly(principal);
  if (denied) return { refused: refuse(denied) };
  const now = deps.clock.now();
  const { pace } = deps.signIn;
  if (!pace.mayGuess(principal.id, now))
    return { refused: refuse({ ...denial('RATE_LIMITED', 'Too many wrong codes. Wait a quarter of an hour.'), retry_after: 900 }) };
  const code = readUserCode(typed);
  const id = code === null ? null : deviceId(deps, code);
  const device = id === null ? null : (await deps.ledger.load(DEVICE, PLATFORM, id)).state;
  if (code === null || id === null || !device || !deviceWaits(device, now)) {
    pace.wrongGuess(principal.id, now);
    return { refused: refuse(NO_DEVICE) };
  }
  return { device, code, id };
}

export function viewDeviceOperation(deps: Deps): OperationHandler<typeof viewDevice> {
  return async ({ operation, principal, body }) => {
    const found = await find(deps, principal, body.user_code);
    if ('refused' in found) return found.refused;
    const { device, code } = found;
    const member = await readActiveMember(deps.ledger.load, principal.operator_id, principal.id);
    return success(operation, {
      user_code: code,
      client_id: device.client_id,
      client_name: device.client_name,
      built_in: builtInClient(device.client_id, deps.public_url) !== null,
      scopes: device.scopes,
      address: await deps.signIn.addresses.open(device.address),
      asked_at: iso(device.asked_at_ms),
      expires_at: iso(device.expires_at_ms),
      email: member?.email ?? '',
      operator_name: await readOperatorName(deps, principal.operator_id),
    });
  };
}

export function decideDeviceOperation(deps: Deps): OperationHandler<typeof decideDevice> {
  return async ({ principal, body, scope }) => {
    const found = await find(deps, principal, body.user_code);
    if ('refused' in found) return found.refused;
    const { operator_id, id: member_id } = principal;
    const decided = await deps.ledger.decide(scope, async (read) => {
      const { state } = await read.get(DEVICE, PLATFORM, found.id);
      if (!deviceWaits(state, read.now) || state.sha256 !== found.device.sha256) return { deny: NO_DEVICE };
      const fact = draft(body.approve ? deviceApproved : deviceDenied, { operator_id, member_id });
      return { write: [{ on: DEVICE, operator_id: PLATFORM, id: found.id, facts: [fact] }], value: body.approve };
    });
    return answerOf(decideDevice, decided, (approved) => ({ approved }));
  };
}

/** A device code for tokens, once somebody has approved it (RFC 8628 §3.4, §3.5). Polling changes nothing; how often is counted by this instance alone. */
import { PLATFORM } from '@sallyport/bus/subjects.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { deviceRedeemed, oauthGranted } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { token } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { Deps } from '../../deps.ts';
import { DEVICE, type DeviceState, INTERVAL_SECONDS } from '../../domain/device.ts';
import { OAUTH_GRANT } from '../../domain/oauth-grant.ts';
import { type Grant, newRefreshToken, tokensOf } from '../../sign-in/issue-tokens.ts';
import { readActiveMember } from '../../sign-in/members.ts';
import { isSame, opaqueId, readOpaque } from '../../sign-in/opaque.ts';
import { lacks, type TokenContext } from './token.ts';

const NO_GRANT = oauthDenial('invalid_grant', 'This device code is not good.');

export async function redeemDevice(deps: Deps, { body, scopeFor }: TokenContext): Promise<BusAnswer> {
  if (body.device_code === undefined) return lacks('device_code');
  if (body.client_id === undefined) return lacks('client_id');
  const shown = readOpaque('dc', body.device_code);
  if (!shown || shown.operator_id !== PLATFORM) return refuse(NO_GRANT);
  const { state: device } = await deps.ledger.load(DEVICE, PLATFORM, shown.id);
  if (!isSame(shown, device.sha256) || device.client_id !== body.client_id || device.redeemed) return refuse(NO_GRANT);
  const now = deps.clock.now();
  if (!deps.signIn.pace.mayPoll(shown.sha256, INTERVAL_SECONDS, now))
    return refuse(oauthDenial('slow_down', 'Wait five seconds longer between two questions.'));
  const waiting = waitingFor(device, now);
  if (waiting) return refuse(waiting);

  const { operator_id: operatorId, member_id } = device;
  const scope = scopeFor(operatorId, { type: 'member', id: member_id });
  const decided = await deps.ledger.decide<{ grant: Grant; refresh: string }>(scope, async (read) => {
    const [{ state }, member] = await Promise.all([
      read.get(DEVICE, PLATFORM, shown.id),
      readActiveMember(read.get, operatorId, member_id),
    ]);
    if (!isSame(shown, state.sha256) || state.redeemed || !member) return { deny: NO_GRANT };
    const { client_id, client_name, scopes } = state;
    const grant = { grant_id: opaqueId(), client_id, client_name, member_id, scopes, made_at_ms: read.now };
    const { made_at_ms: _made, ...made } = grant;
    const refresh = newRefreshToken(operatorId, grant, read.now);
    const granted = draft(oauthGranted, { ...made, resource: null, via: 'device', code: null });
    return {
      write: [
        { on: DEVICE, operator_id: PLATFORM, id: shown.id, facts: [draft(deviceRedeemed, { grant_id: grant.grant_id })] },
        { on: OAUTH_GRANT, operator_id: operatorId, id: grant.grant_id, facts: [granted] },
        refresh.write,
      ],
      value: { grant, refresh: refresh.text },
    };
  });
  if (!decided.ok) return refuse(decided.denial);
  const tokens = await tokensOf(deps, operatorId, decided.value.grant, decided.value.refresh);
  return answerOf(token, decided, () => tokens);
}

function waitingFor(device: DeviceState, now: number): ReturnType<typeof oauthDenial> | null {
  if (device.decided === 'denied') return oauthDenial('access_denied', 'The person said no.');
  if (now >= device.expires_at_ms) return oauthDenial('expired_token', 'Nobody answered in time.');
  return device.decided === null ? oauthDenial('authorization_pending', 'Nobody has answered yet.') : null;
}

/**
 * A refresh token for the next one (api.md §3.6; RFC 9700 §4.14.2). The log decides which of two that come at once was first, over all instances. Whoever shows
 * a spent token, or one that another took the place of, ends the family for everybody: the thief and the owner cannot be told apart.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { authTokenReused, refreshTokenReplaced, refreshTokenSpent } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { token } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import type { Deps } from '../../deps.ts';
import { OAUTH_GRANT, type OAuthGrantState } from '../../domain/oauth-grant.ts';
import { REFRESH_TOKEN, useOf } from '../../domain/refresh-token.ts';
import { newRefreshToken, revokeGrant, tokensOf } from '../../sign-in/issue-tokens.ts';
import { readActiveMember } from '../../sign-in/members.ts';
import { isSame, readOpaque } from '../../sign-in/opaque.ts';
import { lacks, type TokenContext } from './token.ts';

const NO_GRANT = oauthDenial('invalid_grant', 'This refresh token is not good.');

type Rotated = { grant: OAuthGrantState; refresh: string } | null;

export async function rotateRefresh(deps: Deps, { body, scopeFor }: TokenContext): Promise<BusAnswer> {
  if (body.refresh_token === undefined) return lacks('refresh_token');
  if (body.client_id === undefined) return lacks('client_id');
  const shown = readOpaque('rt', body.refresh_token);
  if (!shown) return refuse(NO_GRANT);
  const { operator_id: operatorId, id } = shown;
  const { state: known } = await deps.ledger.load(REFRESH_TOKEN, operatorId, id);
  if (!isSame(shown, known.sha256)) return refuse(NO_GRANT);
  const { state: family } = await deps.ledger.load(OAUTH_GRANT, operatorId, known.grant_id);
  if (family.client_id !== body.client_id) return refuse(NO_GRANT);

  const scope = scopeFor(operatorId, { type: 'member', id: family.member_id });
  const decided = await deps.ledger.decide<Rotated>(scope, (read) => rotate(read, operatorId, known.grant_id, id));
  if (!decided.ok || decided.value === null) return refuse(decided.ok ? NO_GRANT : decided.denial);
  const { grant, refresh } = decided.value;
  const tokens = await tokensOf(deps, operatorId, grant, refresh);
  return answerOf(token, decided, () => tokens);
}

async function rotate(read: Reader, operatorId: string, grantId: string, id: string): Promise<{ write: Write[]; value: Rotated }> {
  const nothing = { write: [], value: null };
  const [{ state: grant }, { state: current }] = await Promise.all([
    read.get(OAUTH_GRANT, operatorId, grantId),
    read.get(REFRESH_TOKEN, operatorId, id),
  ]);
  if (!grant.exists || grant.revoked) return nothing;
  const successor = current.successor === null ? null : (await read.get(REFRESH_TOKEN, operatorId, current.successor)).state;
  const use = useOf(current, successor, read.now);
  if (use === 'expired') return nothing;
  if (use === 'reused') {
    const { client_id, member_id } = grant;
    const reused = draft(authTokenReused, { grant_id: grantId, client_id, member_id, token_id: id });
    return { write: revokeGrant(operatorId, grant, 'token_reused', [reused]), value: null };
  }
  if (!(await readActiveMember(read.get, operatorId, grant.member_id))) return nothing;
  const next = newRefreshToken(operatorId, grant, read.now);
  const spent: Write = { on: REFRESH_TOKEN, operator_id: operatorId, id, facts: [draft(refreshTokenSpent, { successor: next.id })] };
  const replaced: Write[] =
    use === 'repeat' && current.successor !== null
      ? [{ on: REFRESH_TOKEN, operator_id: operatorId, id: current.successor, facts: [draft(refreshTokenReplaced, { by: next.id })] }]
      : [];
  return { write: [spent, next.write, ...replaced], value: { grant, refresh: next.text } };
}

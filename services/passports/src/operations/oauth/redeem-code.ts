/**
 * A code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6). A code works once: shown a second time it ends the tokens of the first, and shown with a wrong proof it
 * ends itself, because somebody has it who should not.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { type BusAnswer, refuse } from '@sallyport/contracts/call.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { oauthCodeUsed } from '@sallyport/contracts/facts/sign-in.ts';
import { oauthDenial } from '@sallyport/contracts/oauth-errors.ts';
import { token } from '@sallyport/contracts/operations/oauth.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { Deps } from '../../deps.ts';
import { OAUTH_GRANT, type OAuthGrantState } from '../../domain/oauth-grant.ts';
import { provesChallenge } from '../../domain/pkce.ts';
import { newRefreshToken, revokeGrant, tokensOf } from '../../sign-in/issue-tokens.ts';
import { readActiveMember } from '../../sign-in/members.ts';
import { isSame, type Opaque, readOpaque } from '../../sign-in/opaque.ts';
import { lacks, type TokenContext } from './token.ts';

const NO_GRANT = oauthDenial('invalid_grant', 'This code is not good.');

type Redeemed = { grant: OAuthGrantState; refresh: string } | null;

interface Shown {
  code: Opaque;
  client_id: string;
  redirect_uri: string;
  code_verifier: string;
}

export async function redeemCode(deps: Deps, { body, scopeFor }: TokenContext): Promise<BusAnswer> {
  const { client_id, code, redirect_uri, code_verifier } = body;
  if (client_id === undefined) return lacks('client_id');
  if (code === undefined) return lacks('code');
  if (redirect_uri === undefined) return lacks('redirect_uri');
  if (code_verifier === undefined) return lacks('code_verifier');
  const opaque = readOpaque('ac', code);
  if (!opaque) return refuse(NO_GRANT);
  const { operator_id: operatorId } = opaque;
  const { state: known } = await deps.ledger.load(OAUTH_GRANT, operatorId, opaque.id);
  if (!isSame(opaque, known.code?.sha256 ?? '')) return refuse(NO_GRANT);

  const shown = { code: opaque, client_id, redirect_uri, code_verifier };
  const scope = scopeFor(operatorId, { type: 'member', id: known.member_id });
  const decided = await deps.ledger.decide<Redeemed>(scope, async (read) => {
    const [{ state: grant }, member] = await Promise.all([
      read.get(OAUTH_GRANT, operatorId, opaque.id),
      readActiveMember(read.get, operatorId, known.member_id),
    ]);
    const ended = endedBy(operatorId, grant, shown);
    if (ended) return { write: ended, value: null };
    if (grant.revoked || !member || read.now >= (grant.code?.expires_at_ms ?? 0)) return { write: [], value: null };
    const refresh = newRefreshToken(operatorId, grant, read.now);
    const used: Write = {
      on: OAUTH_GRANT,
      operator_id: operatorId,
      id: grant.grant_id,
      facts: [draft(oauthCodeUsed, { grant_id: grant.grant_id })],
    };
    return { write: [used, refresh.write], value: { grant, refresh: refresh.text } };
  });
  if (!decided.ok || decided.value === null) return refuse(decided.ok ? NO_GRANT : decided.denial);
  const { grant, refresh } = decided.value;
  const tokens = await tokensOf(deps, operatorId, grant, refresh);
  return answerOf(token, decided, () => tokens);
}

/** What a genuine code does that comes again, or from somebody who did not ask for it. */
function endedBy(operatorId: string, grant: OAuthGrantState, shown: Shown): Write[] | null {
  if (grant.revoked) return null;
  if (grant.code_used) return revokeGrant(operatorId, grant, 'code_reused');
  const { code } = grant;
  const proven =
    code !== null &&
    grant.client_id === shown.client_id &&
    code.redirect_uri === shown.redirect_uri &&
    provesChallenge(shown.code_verifier, code.challenge);
  return proven ? null : revokeGrant(operatorId, grant, 'code_misused');
}

/**
 * Who a session or access token signs in, at the log's leader: signature and times, then whether the session or the grant behind it still stands and the
 * person is still a member, each time anew.
 */
import type { PrincipalView, RefusedCredential } from '@sallyport/contracts/objects/views.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import { type PersonToken, type PersonTokenVerdict, verifyPersonToken } from '@sallyport/passport-verify/person-token.ts';
import type { Deps } from '../deps.ts';
import { OAUTH_GRANT } from '../domain/oauth-grant.ts';
import { SIGN_IN, sessionRuns } from '../domain/sign-in.ts';
import { positionFrom } from '../identify.ts';
import { memberPrincipal } from '../members.ts';
import { noteSeen } from '../projections/member-seen.ts';
import { readActiveMember } from './members.ts';

type ResolveDeps = Pick<Deps, 'ledger' | 'clock' | 'signIn' | 'public_url' | 'database'>;

export async function resolveToken(deps: ResolveDeps, token: string, minSeq: number): Promise<PrincipalView | RefusedCredential> {
  const now = deps.clock.now();
  const verdict = await readPersonToken(deps, token);
  if (!verdict.ok) return refused(verdict.reason);
  const { token: claims } = verdict;
  if (!isId('operator', claims.operator_id) || !isId('member', claims.sub)) return refused('malformed');
  const position = await positionFrom(deps, minSeq);
  const [member, runs] = await Promise.all([
    readActiveMember(deps.ledger.load, claims.operator_id, claims.sub),
    isRunning(deps, claims, now),
  ]);
  if (!member || !runs) return refused('session_ended');
  const principal =
    claims.kind === 'session' ? memberPrincipal(member, 'session', null) : memberPrincipal(member, 'access_token', [...claims.scopes]);
  if (!principal) return refused('session_ended');
  noteSeen(deps, claims.sub);
  return { position, principal, expires_at_ms: claims.exp * 1000 };
}

/** Signature, purpose and times alone. */
export async function readPersonToken(
  { clock, signIn, public_url }: Pick<Deps, 'clock' | 'signIn' | 'public_url'>,
  token: string,
): Promise<PersonTokenVerdict> {
  const keys = await signIn.tokens.keys();
  return verifyPersonToken(token, { keys, issuer: public_url, now_seconds: Math.floor(clock.now() / 1000) });
}

async function isRunning({ ledger }: Pick<Deps, 'ledger'>, claims: PersonToken, now: number): Promise<boolean> {
  if (claims.kind === 'session') {
    const { state } = await ledger.load(SIGN_IN, claims.operator_id, claims.session_id);
    return sessionRuns(state, claims.sub, now);
  }
  const { state: grant } = await ledger.load(OAUTH_GRANT, claims.operator_id, claims.grant_id);
  return grant.exists && !grant.revoked && grant.member_id === claims.sub && grant.client_id === claims.client_id;
}

function refused(reason: string): RefusedCredential {
  return { refused: { code: 'UNAUTHORIZED', reason } };
}

/**
 * `POST /v1/auth/magic-link/verify` (api.md §3.6): a link becomes a session, once. The session's id is made here and nowhere else, so nobody can give
 * another person a session that they know. The first sign-in of an operator ends its first run (§3.2).
 */
import type { Write } from '@sallyport/bus/compose.ts';
import { denial } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { authLogin, loginLinkUsed } from '@sallyport/contracts/facts/sign-in.ts';
import { verifyMagicLink } from '@sallyport/contracts/operations/sign-in.ts';
import { iso } from '@sallyport/contracts/time.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import type { Deps } from '../../deps.ts';
import { linkIsGood, LOGIN_LINK } from '../../domain/login-link.ts';
import { memberObject } from '../../domain/member.ts';
import { SESSION_MS, SIGN_IN } from '../../domain/sign-in.ts';
import { noteSeen } from '../../projections/member-seen.ts';
import { firstSignIn, readActiveMember } from '../../sign-in/members.ts';
import { isSame, opaqueId, readOpaque } from '../../sign-in/opaque.ts';

const EXPIRED = denial('UNAUTHORIZED', 'This link was used or is too old.', { reason: 'expired' });

export function verifyMagicLinkOperation(deps: Deps): OperationHandler<typeof verifyMagicLink> {
  return async ({ body, scopeFor }) => {
    const shown = readOpaque('ll', body.token);
    if (!shown) return refuse(EXPIRED);
    const { operator_id: operatorId } = shown;
    const { state: known } = await deps.ledger.load(LOGIN_LINK, operatorId, shown.id);
    if (!isSame(shown, known.sha256)) return refuse(EXPIRED);
    const { member_id: memberId } = known;

    const scope = scopeFor(operatorId, { type: 'member', id: memberId });
    const decided = await deps.ledger.decide(scope, async (read) => {
      const sessionId = opaqueId();
      const [link, member, first] = await Promise.all([
        read.get(LOGIN_LINK, operatorId, shown.id),
        readActiveMember(read.get, operatorId, memberId),
        firstSignIn(read.get, operatorId, memberId),
        read.get(SIGN_IN, operatorId, sessionId),
      ]);
      if (!linkIsGood(link.state, read.now) || !member) return { deny: EXPIRED };
      const expires_at_ms = read.now + SESSION_MS;
      const login = draft(authLogin, { session_id: sessionId, member_id: memberId, method: 'magic_link', expires_at_ms });
      const write: Write[] = [
        { on: LOGIN_LINK, operator_id: operatorId, id: shown.id, facts: [draft(loginLinkUsed, { session_id: sessionId })] },
        { on: SIGN_IN, operator_id: operatorId, id: sessionId, facts: [login] },
        ...first,
      ];
      return { write, value: { session_id: sessionId, expires_at_ms, member } };
    });
    if (!decided.ok) return refuse(decided.denial);
    const { session_id, expires_at_ms, member } = decided.value;
    noteSeen(deps, memberId);
    const session_token = await deps.signIn.tokens.signSession({
      sub: memberId,
      operator_id: operatorId,
      sid: session_id,
      iat: Math.floor(deps.clock.now() / 1000),
      exp: Math.floor(expires_at_ms / 1000),
    });
    return answerOf(verifyMagicLink, decided, () => ({
      session_token,
      expires_at: iso(expires_at_ms),
      member: memberObject(member, deps.clock.now()),
    }));
  };
}

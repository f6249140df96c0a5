/** One-time links: how one is made, as part of whatever decision makes it (api.md §3.6, §4). */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Scope } from '@sallyport/bus/ledger.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { loginLinkMade } from '@sallyport/contracts/facts/sign-in.ts';
import type { Deps } from '../deps.ts';
import { LINK_MS, LOGIN_LINK } from '../domain/login-link.ts';
import { makeOpaque, opaqueId } from './opaque.ts';

export interface LoginLink {
  /** Holds the secret. */
  url: string;
  expires_at_ms: number;
  write: Write;
}

/** Its id is new, so nothing has to be read before it is written. */
export function newLoginLink(publicUrl: string, operatorId: string, memberId: string, nowMs: number): LoginLink {
  const token = makeOpaque('ll', operatorId, opaqueId());
  const expires_at_ms = nowMs + LINK_MS;
  const made = draft(loginLinkMade, { member_id: memberId, sha256: token.sha256, expires_at_ms });
  return {
    url: `${publicUrl}/login?token=${encodeURIComponent(token.text)}`,
    expires_at_ms,
    write: { on: LOGIN_LINK, operator_id: operatorId, id: token.id, facts: [made] },
  };
}

export async function makeLoginLink(deps: Deps, scope: Scope, operatorId: string, memberId: string): Promise<Omit<LoginLink, 'write'>> {
  const decided = await deps.ledger.decide(scope, async (read) => {
    const { write, ...link } = newLoginLink(deps.public_url, operatorId, memberId, read.now);
    return { write: [write], value: link };
  });
  if (!decided.ok) throw new Error('a login link was refused');
  return decided.value;
}

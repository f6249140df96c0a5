/** A passport that comes as its token, for the calls that continue it: refresh and delegate (api.md §6). What cannot be told apart for outsiders is not. */
import type { Reader } from '@sallyport/bus/ledger.ts';
import { type Denial, denial } from '@sallyport/contracts/errors.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { verifyPassport } from '@sallyport/passport-verify/passport.ts';
import type { Deps } from './deps.ts';
import { suspendedDenial } from './domain/issue.ts';
import { blockedDenial, type Family } from './domain/life.ts';
import { missionEnded, notLive } from './domain/mission.ts';
import { unknownToken } from './domain/refresh.ts';
import { type IssuedPassportState, ownObjectsOnly, readAbove, readFamily, readPassport } from './reading.ts';

export interface Presented {
  passport: IssuedPassportState;
  family: Family;
}

/**
 * The passport of a genuine token, of the caller's operator and, for an agent, its own. Its mission is live, its agent may act; whether the passport itself lives
 * is the caller's to judge, because a mission that has ended is told first.
 */
export async function presentedPassport(
  deps: Deps,
  read: Reader,
  principal: Principal,
  token: string,
): Promise<{ ok: true; presented: Presented } | { ok: false; denial: Denial }> {
  const { operator_id } = principal;
  const { issuer } = deps;
  const verdict = verifyPassport(token, {
    keys: await deps.signer.keys(),
    issuer,
    now_seconds: Math.floor(read.now / 1000),
    accept_expired: true,
  });
  if (!verdict.ok) return refuse(denial('UNAUTHORIZED', 'The passport token cannot be used.', { reason: verdict.reason }));
  const { jti, stk } = verdict.claims;
  const passport = stk.operator_id === operator_id ? await readPassport(read.get, operator_id, jti) : null;
  if (!passport) return refuse(unknownToken());
  if (principal.type === 'agent' && passport.issued.agent_id !== principal.id) return refuse(ownObjectsOnly());
  const family = await readFamily(read.get, operator_id, passport);
  const { mission, agent } = family.self;
  if (!mission.exists) return refuse(missionEnded(passport.issued.mission_id, 'not_found'));
  const ended = notLive(mission, await readAbove(read.get, mission), read.now);
  if (ended) return refuse(ended);
  const blocked = blockedDenial(agent, family.operator);
  if (blocked) return refuse(blocked);
  if (agent.agent?.status === 'suspended') return refuse(suspendedDenial());
  return { ok: true, presented: { passport, family } };
}

function refuse(refusal: Denial): { ok: false; denial: Denial } {
  return { ok: false, denial: refusal };
}

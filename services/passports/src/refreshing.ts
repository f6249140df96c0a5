/**
 * Refresh as one decision (api.md §6): for `POST /v1/passports/refresh` and for token exchange (§3.6). The old jti ends in the same batch in which the new one
 * appears, and the head of the line takes part in it: two refreshes, or a refresh and a revocation, cannot both pass.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Decided, Decision, Reader, Scope } from '@sallyport/bus/ledger.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { passportLineChanged, passportRefreshed, passportSuperseded } from '@sallyport/contracts/facts/passports.ts';
import type { IssuedPassport } from '@sallyport/contracts/objects/passport.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { target } from '@sallyport/contracts/target.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from './deps.ts';
import { issuedAnswer } from './domain/claims.ts';
import { lifeAbove } from './domain/life.ts';
import { MISSION } from './domain/mission.ts';
import { type Issued, PASSPORT } from './domain/passport.ts';
import { decideRefresh, refreshRefusal } from './domain/refresh.ts';
import { accessOf, addedTo, signed, whoseOf } from './issuing.ts';
import { presentedPassport } from './presented.ts';
import { behind, type IssuedPassportState, readOperator } from './reading.ts';
import { recordRefusedUse } from './refused-use.ts';
import { fence } from './writes.ts';

export type Refreshed = IssuedPassport & { superseded: string };

export interface RefreshRequest {
  principal: Principal;
  /** With `idempotency`, where the request has a key. */
  scope: Scope;
  /** The passport, whole. */
  token: string;
  /** 60..3600; null: 900. */
  ttl_seconds: number | null;
}

/** Whoever asks was authenticated and has S, or G for the passport's agent, before. Throws LedgerUnavailable. */
export async function refreshPassport(deps: Deps, { principal, scope, token, ttl_seconds }: RefreshRequest): Promise<Decided<Refreshed>> {
  const met: { jti: string | null } = { jti: null };
  const decided = await deps.ledger.decide<Refreshed>(scope, (read) => refresh(deps, read, principal, token, ttl_seconds, met));
  if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.accountability);
  if (!decided.ok && met.jti !== null) await recordRefusedUse(deps, scope, met.jti, 'refresh', decided.denial);
  return decided;
}

async function refresh(
  deps: Deps,
  read: Reader,
  principal: Principal,
  token: string,
  ttl_seconds: number | null,
  met: { jti: string | null },
): Promise<Decision<Refreshed>> {
  const { operator_id } = principal;
  const found = await presentedPassport(deps, read, principal, token);
  if (!found.ok) return { deny: found.denial };
  const { passport, family } = found.presented;
  met.jti = passport.issued.jti;
  const refusal = refreshRefusal(family, read.now);
  if (refusal) return { deny: refusal };
  const { agent } = family.self.agent;
  if (!agent) throw new Error('the agent of a passport does not exist');
  const access = await accessOf(deps, read, principal, agent, await readOperator(read.get, operator_id));
  if (!access) return { deny: behind() };
  const key = await deps.signer.active();
  const decided = decideRefresh({
    passport,
    agent,
    access,
    ttl_seconds,
    deadline_ms: family.self.mission.expires_at_ms,
    now_ms: read.now,
    jti: newId('passport', read.now),
    kid: key.kid,
    issuer: deps.issuer,
    issued_by: { type: principal.type, id: principal.id },
  });
  if (!decided.ok) return { deny: decided.denial };
  const { issued } = decided;
  const above = lifeAbove(family, read.now);
  const expires_at_ms = Math.min(issued.expires_at_ms, above?.expires_at_ms ?? issued.expires_at_ms);
  const made = await signed(key, operator_id, issued, expires_at_ms);
  if (!made.ok) return { deny: made.denial };
  return {
    write: refreshWrites(operator_id, passport, issued),
    value: { ...issuedAnswer(issued, made.token, expires_at_ms), superseded: passport.issued.jti },
  };
}

function refreshWrites(operator_id: string, passport: IssuedPassportState, issued: Issued): Write[] {
  const { checkpoints, last_checkpoint_at_ms } = passport;
  const { jti: old, line } = passport.issued;
  const { jti, mission_id } = issued;
  const fresh = draft(passportRefreshed, { ...issued, superseded: old, checkpoints, last_checkpoint_at_ms }, whoseOf(issued));
  const over: DraftFact = draft(passportSuperseded, { jti: old, by: jti }, whoseOf(passport.issued));
  const moved: Write = {
    on: PASSPORT,
    operator_id,
    id: line,
    facts: [draft(passportLineChanged, { current: jti, what: 'refreshed' }, whoseOf(issued))],
  };
  return [
    { on: PASSPORT, operator_id, id: old, facts: [over] },
    { on: PASSPORT, operator_id, id: jti, facts: [fresh] },
    ...(line === old ? [] : [moved]),
    { on: MISSION, operator_id, id: mission_id, facts: [addedTo(issued)] },
    fence(operator_id, 'passport', old, 'ended', [target('jti', old)], 'superseded'),
  ];
}

/**
 * Delegation as one decision (api.md §6): child, its mission, and a word on the parent's line and mission, in one batch. A parent that ends at the same time either
 * sees the child, or there is no child. Refusals for asking too much are told to the detectors (detectors.md 1.4).
 */
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import type { Decided, Decision, Reader, Scope } from '@sallyport/bus/ledger.ts';
import type { Denial, ErrorCode } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import {
  missionChildOpened,
  missionOpened,
  passportDelegated,
  passportDelegationRefused,
  passportIssued,
} from '@sallyport/contracts/facts/passports.ts';
import type { DelegateFields, IssuedPassport } from '@sallyport/contracts/objects/passport.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { namesIn, namesRefusal } from './allowed-connections.ts';
import type { Deps } from './deps.ts';
import { issuedAnswer, serviceNames } from './domain/claims.ts';
import { decideDelegation, scopeShare } from './domain/delegate.ts';
import { suspendedDenial } from './domain/issue.ts';
import { blockedDenial, deadDenial, lifeOf } from './domain/life.ts';
import { MISSION } from './domain/mission.ts';
import { missionBelow } from './domain/open-mission.ts';
import { PASSPORT } from './domain/passport.ts';
import { accessOf, addedTo, signed, whoseOf } from './issuing.ts';
import { type Presented, presentedPassport } from './presented.ts';
import { behind, noAgent, readAgent, readHead, readOperator } from './reading.ts';
import { recordRefusedUse } from './refused-use.ts';

export interface DelegateRequest {
  principal: Principal;
  scope: Scope;
  parent_token: string;
  child_agent_id: string;
  fields: DelegateFields;
}

const TOO_MUCH: readonly ErrorCode[] = ['SCOPE_ESCALATION', 'DELEGATION_DEPTH_EXCEEDED', 'DELEGATION_ACCOUNTABILITY_VIOLATION'];

export async function delegatePassport(deps: Deps, request: DelegateRequest): Promise<Decided<IssuedPassport>> {
  const { scope } = request;
  const met: { parent: Presented | null } = { parent: null };
  const decided = await deps.ledger.decide<IssuedPassport>(scope, (read) => delegate(deps, read, request, met));
  if (decided.ok && !decided.replayed) deps.signals.issued(decided.value.accountability);
  if (!decided.ok && !decided.replayed && met.parent) {
    await recordRefusedUse(deps, scope, met.parent.passport.issued.jti, 'delegate', decided.denial);
    if (TOO_MUCH.includes(decided.denial.code)) await recordRefusal(deps, request, met.parent, decided.denial);
  }
  return decided;
}

async function delegate(
  deps: Deps,
  read: Reader,
  { principal, parent_token, child_agent_id, fields }: DelegateRequest,
  met: { parent: Presented | null },
): Promise<Decision<IssuedPassport>> {
  const { operator_id } = principal;
  const presented = await presentedPassport(deps, read, principal, parent_token);
  if (!presented.ok) return { deny: presented.denial };
  const { passport, family } = presented.presented;
  met.parent = presented.presented;
  const parent = passport.issued;
  const life = lifeOf(family, read.now);
  if (life.state !== 'live') return { deny: deadDenial(parent.jti, life) };
  const [child, operator] = await Promise.all([
    readAgent(read.get, operator_id, child_agent_id),
    readOperator(read.get, operator_id),
    // Both take part in the batch: what ends the line or the mission meanwhile is seen.
    readHead(read.get, operator_id, parent.line),
    read.get(MISSION, operator_id, parent.mission_id),
  ]);
  if (!child) return { deny: noAgent(child_agent_id) };
  const stop = blockedDenial(child.state, operator) ?? (child.agent.status === 'suspended' ? suspendedDenial() : null);
  if (stop) return { deny: stop };
  const outside = await namesRefusal(read.get, principal, namesIn(fields));
  if (outside) return { deny: outside };
  const access = await accessOf(deps, read, principal, child.agent, operator);
  if (!access) return { deny: behind() };
  const { mission } = family.self;
  const mission_id = newId('mission', read.now);
  const key = await deps.signer.active();
  const decided = decideDelegation({
    agent: child.agent,
    parent,
    access,
    mission: { mission_id, expires_at_ms: mission.expires_at_ms },
    fields,
    now_ms: read.now,
    jti: newId('passport', read.now),
    kid: key.kid,
    issuer: deps.issuer,
    issued_by: { type: principal.type, id: principal.id },
  });
  if (!decided.ok) return { deny: decided.denial };
  const { issued } = decided;
  const expires_at_ms = Math.min(issued.expires_at_ms, life.expires_at_ms);
  const made = await signed(key, operator_id, issued, expires_at_ms);
  if (!made.ok) return { deny: made.denial };
  const opened = missionBelow(mission_id, child.agent, mission, issued.intent_summary, issued.intent_services, read.now);
  const delegated = {
    parent_jti: parent.jti,
    child_jti: issued.jti,
    child_agent_id: child.agent.id,
    child_mission_id: mission_id,
    child_services: serviceNames(issued),
    scope_share: scopeShare(parent.services, issued.services),
    depth: issued.depth,
  };
  const below = draft(missionChildOpened, { mission_id }, { agent_id: parent.agent_id, mission_id: parent.mission_id });
  return {
    write: [
      { on: PASSPORT, operator_id, id: parent.line, facts: [draft(passportDelegated, delegated, whoseOf(parent))] },
      { on: MISSION, operator_id, id: parent.mission_id, facts: [below] },
      {
        on: MISSION,
        operator_id,
        id: mission_id,
        facts: [draft(missionOpened, opened, { mission_id, agent_id: child.agent.id }), addedTo(issued)],
      },
      { on: PASSPORT, operator_id, id: issued.jti, facts: [draft(passportIssued, issued, whoseOf(issued))] },
    ],
    value: issuedAnswer(issued, made.token, expires_at_ms),
  };
}

/** Best effort: the refusal stands without it. */
async function recordRefusal(
  deps: Deps,
  { scope, child_agent_id }: DelegateRequest,
  { passport }: Presented,
  refusal: Denial,
): Promise<void> {
  const { idempotency: _used, ...plain } = scope;
  const { issued } = passport;
  const { operator_id } = scope;
  const data = { reason: refusal.code, child_agent_id: child_agent_id.slice(0, 64), depth: issued.depth + 1 };
  try {
    await deps.ledger.decide<null>(plain, async (read) => {
      await read.get(PASSPORT, operator_id, issued.line);
      const fact = draft(passportDelegationRefused, data, whoseOf(issued));
      return { write: [{ on: PASSPORT, operator_id, id: issued.line, facts: [fact] }], value: null };
    });
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error;
  }
}

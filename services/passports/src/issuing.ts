/**
 * Issuing inside a decision: what is read, what is refused, and the facts of a passport with its mission, which are one batch (api.md §6, §7). The token is made
 * here too, so that a repeat with the same `Idempotency-Key` gets the same one.
 */
import type { Write } from '@sallyport/bus/compose.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import { type Denial, invalid } from '@sallyport/contracts/errors.ts';
import { draft, type DraftFact } from '@sallyport/contracts/fact.ts';
import { missionAssigned, missionOpened, missionPassportAdded, passportIssued } from '@sallyport/contracts/facts/passports.ts';
import { auditIdOf } from '@sallyport/contracts/ids.ts';
import type { IssuedPassport, IssueFields, TokenService } from '@sallyport/contracts/objects/passport.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { MAX_TOKEN_LENGTH } from '@sallyport/passport-verify/token.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import type { Deps } from './deps.ts';
import { accessTo, type Access } from './domain/access.ts';
import { claimsOf, issuedAnswer } from './domain/claims.ts';
import { isUsable } from './domain/connection.ts';
import type { ActiveKey } from './signing.ts';
import { GRANT } from './domain/grant.ts';
import { decideIssue, missionRefusal, type MissionTerms, suspendedDenial } from './domain/issue.ts';
import { blockedDenial } from './domain/life.ts';
import { MISSION, missionEnded } from './domain/mission.ts';
import { implicitMission, type Opened } from './domain/open-mission.ts';
import { type Issued, PASSPORT } from './domain/passport.ts';
import { readWanted } from './domain/wanted.ts';
import {
  behind,
  connectionsOf,
  type LiveOperator,
  noAgent,
  ownObjectsOnly,
  readAbove,
  readAgent,
  readMission,
  readOperator,
} from './reading.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';

export interface Issuing {
  read: Reader;
  principal: Principal;
}

export interface Basis {
  agent: Agent;
  operator: LiveOperator;
}

/** May this caller have passports or missions for this agent at all? */
export async function issueBasis(
  { read, principal }: Issuing,
  agentId: string,
): Promise<{ ok: true; basis: Basis } | { ok: false; denial: Denial }> {
  const { operator_id } = principal;
  if (principal.type === 'agent' && principal.id !== agentId) return { ok: false, denial: ownObjectsOnly() };
  const [found, operator] = await Promise.all([readAgent(read.get, operator_id, agentId), readOperator(read.get, operator_id)]);
  if (!found) return { ok: false, denial: noAgent(agentId) };
  const stop = blockedDenial(found.state, operator) ?? (found.agent.status === 'suspended' ? suspendedDenial() : null);
  return stop ? { ok: false, denial: stop } : { ok: true, basis: { agent: found.agent, operator } };
}

/** The mission of the new passport: one that is opened in the same batch, or an open one. */
export type MissionChoice = { opened: Opened; opened_id: string } | { mission_id: string } | 'implicit';

export interface IssuedDecision {
  write: Write[];
  issued: Issued;
  answer: IssuedPassport;
  claim_id: string;
}

export async function issueInto(
  deps: Deps,
  { read, principal }: Issuing,
  { agent, operator }: Basis,
  fields: IssueFields,
  choice: MissionChoice,
  /** The services of an earlier passport, for one that goes on with what is left of them; null: what the request asks for. */
  again: TokenService[] | null = null,
): Promise<{ ok: true; made: IssuedDecision } | { ok: false; denial: Denial }> {
  const { operator_id } = principal;
  const chosen = await missionOf(read, operator_id, agent, fields, choice);
  if (!chosen.ok) return chosen;
  const access = await accessOf(deps, read, principal, agent, operator);
  if (!access) return { ok: false, denial: behind() };
  const jti = newId('passport', read.now);
  const session_id = newId('session', read.now);
  const key = await deps.signer.active();
  const issued_by = { type: principal.type, id: principal.id };
  const decided = decideIssue({
    agent,
    access,
    mission: chosen.terms,
    fields,
    now_ms: read.now,
    jti,
    session_id,
    kid: key.kid,
    issuer: deps.issuer,
    issued_by,
    again,
  });
  if (!decided.ok) return decided;
  const { issued } = decided;
  const token = await signed(key, operator_id, issued, issued.expires_at_ms);
  if (!token.ok) return token;
  return {
    ok: true,
    made: {
      write: [
        { on: MISSION, operator_id, id: issued.mission_id, facts: [...chosen.facts, addedTo(issued)] },
        { on: PASSPORT, operator_id, id: jti, facts: [draft(passportIssued, issued, whoseOf(issued))] },
      ],
      issued,
      answer: issuedAnswer(issued, token.token, issued.expires_at_ms),
      claim_id: chosen.claim_id,
    },
  };
}

/** The token, unless the rules of the passport make it larger than one may be. */
export async function signed(
  key: ActiveKey,
  operatorId: string,
  issued: Issued,
  expiresAtMs: number,
): Promise<{ ok: true; token: string } | { ok: false; denial: Denial }> {
  const token = await key.sign(claimsOf(operatorId, issued, expiresAtMs));
  return token.length > MAX_TOKEN_LENGTH ? { ok: false, denial: invalid([{ path: 'scopes', rule: 'token_size' }]) } : { ok: true, token };
}

export function whoseOf({ agent_id, session_id, mission_id, jti }: Issued): Pick<Issued, 'agent_id' | 'session_id' | 'mission_id' | 'jti'> {
  return { agent_id, session_id, mission_id, jti };
}

/** For the mission of the passport. */
export function addedTo({ jti, line, session_id, agent_id, mission_id, mode }: Issued): DraftFact {
  return draft(missionPassportAdded, { jti, line, session_id, agent_id, accountability: mode }, { agent_id, mission_id });
}

interface Chosen {
  ok: true;
  terms: MissionTerms;
  facts: DraftFact[];
  claim_id: string;
}

async function missionOf(
  read: Reader,
  operatorId: string,
  agent: Agent,
  fields: IssueFields,
  choice: MissionChoice,
): Promise<Chosen | { ok: false; denial: Denial }> {
  if (choice === 'implicit') {
    const wanted = readWanted(fields);
    if (!wanted.ok) return wanted;
    const { summary, intent_services } = wanted.wanted;
    const opened = implicitMission(newId('mission', read.now), agent, summary, intent_services ?? [], read.now);
    return openedNow(opened, newId('event', read.now));
  }
  if ('opened' in choice) return openedNow(choice.opened, choice.opened_id);
  const mission = await readMission(read.get, operatorId, choice.mission_id);
  if (!mission) return { ok: false, denial: missionEnded(choice.mission_id, 'not_found') };
  const refusal = missionRefusal(mission, await readAbove(read.get, mission), agent.id, read.now);
  if (refusal) return { ok: false, denial: refusal };
  // A passport of its own would not be narrowed by the parent's.
  if (mission.parent_mission_id !== null) return { ok: false, denial: invalid([{ path: 'mission_ids', rule: 'delegated' }]) };
  const { mission_id } = mission;
  const assigned = draft(missionAssigned, { agent_id: agent.id }, { agent_id: agent.id, mission_id });
  return { ok: true, terms: mission, facts: mission.agent_id === null ? [assigned] : [], claim_id: mission.claim_id };
}

function openedNow(opened: Opened, factId: string): Chosen {
  const { mission_id, agent_id } = opened;
  const fact = draft(missionOpened, opened, { id: factId, mission_id, ...(agent_id !== null && { agent_id }) });
  return { ok: true, terms: opened, facts: [fact], claim_id: auditIdOf(factId) };
}

/** Null: the read model is behind. Only what the caller may touch. */
export async function accessOf(
  deps: Deps,
  read: Reader,
  principal: Principal,
  agent: Agent,
  operator: LiveOperator,
): Promise<Access[] | null> {
  const [grants, connections] = await Promise.all([
    read.get(GRANT, principal.operator_id, agent.id),
    connectionsOf(deps, principal.operator_id),
  ]);
  return (
    connections &&
    connections
      .filter((connection) => isUsable(connection) && mayTouch(principal, connection))
      .map((connection) => accessTo(connection, agent, grants.state, operator.settings, read.now))
      .filter((access) => access !== null)
  );
}

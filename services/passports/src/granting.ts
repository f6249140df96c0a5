/** What all grant operations share: reading what is in force, and the write of a changed grant with its fence (api.md §5.3). */
import type { Write } from '@sallyport/bus/compose.ts';
import { connectionNotAllowed, mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import { type Denial, notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentUpdated, grantChanged, grantRemoved } from '@sallyport/contracts/facts/identity.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { grantTarget } from '@sallyport/contracts/target.ts';
import type { Reader } from '@sallyport/bus/ledger.ts';
import { AGENT } from './domain/agent.ts';
import { GRANT, type GrantState, type HeldGrant } from './domain/grant.ts';
import type { GrantTerms } from './domain/grant-rules.ts';
import { decidersAmong } from './domain/team.ts';
import { type LiveOperator, noAgent, readAgent, readConnection, readOperator } from './reading.ts';
import { fence, narrowedAgent, narrowedGrant } from './writes.ts';

export interface GrantBasis {
  agent: Agent;
  connection: Connection;
  grants: GrantState;
  operator: LiveOperator;
  terms: GrantTerms;
}

export async function readGrantBasis(
  read: Reader,
  principal: Principal,
  agentId: string,
  connectionId: string,
): Promise<{ ok: true; basis: GrantBasis } | { ok: false; denial: Denial }> {
  const { operator_id } = principal;
  const [found, connection, operator] = await Promise.all([
    readAgent(read.get, operator_id, agentId),
    readConnection(read.get, operator_id, connectionId),
    readOperator(read.get, operator_id),
  ]);
  if (!found) return { ok: false, denial: noAgent(agentId) };
  if (!connection) return { ok: false, denial: notFound('Connection', connectionId) };
  if (!mayTouch(principal, connection)) return { ok: false, denial: connectionNotAllowed() };
  const grants = (await read.get(GRANT, operator_id, agentId)).state;
  const before = grants.grants[connectionId] ?? null;
  const deciders = (roles: readonly string[]): number => decidersAmong(operator.team, roles);
  const terms = { agent_id: agentId, connection, settings: operator.settings, before, now_ms: read.now, deciders };
  return { ok: true, basis: { agent: found.agent, connection, grants, operator, terms } };
}

export function grantWrites(operatorId: string, held: HeldGrant): Write[] {
  const { grant, constraints, any_of } = held;
  const named = grant.intents.length > 0 || grant.any_intents.length > 0;
  const fact = draft(grantChanged, { grant, ...(named && { expanded: { constraints, any_of } }) }, { agent_id: grant.agent_id });
  return [
    { on: GRANT, operator_id: operatorId, id: grant.agent_id, facts: [fact] },
    narrowedGrant(operatorId, grant.agent_id, grant.connection_id, 'grant changed'),
  ];
}

/** A batch holds 500 messages, a fence 3,000 targets: one fence for all. */
function narrowedGrants(operatorId: string, agentId: string, connectionIds: string[]): Write[] {
  if (connectionIds.length === 0) return [];
  const targets = connectionIds.map((id) => grantTarget(agentId, id));
  return [fence(operatorId, 'grant', agentId, 'narrowed', targets, 'grants removed')];
}

/** Removes grants and closes the implicit access beside them: `allowed` is what the agent may reach by itself from now on. */
export function removalWrites(operatorId: string, agent: Agent, connectionIds: string[], grants: GrantState, allowed: string[]): Write[] {
  const removed = connectionIds.map((connection_id) =>
    draft(grantRemoved, { connection_id, existed: grants.grants[connection_id] !== undefined }, { agent_id: agent.id }),
  );
  const same = agent.allowed_connections !== null && agent.allowed_connections.length === allowed.length;
  const closed = draft(agentUpdated, { changes: { allowed_connections: allowed } }, { agent_id: agent.id });
  return [
    { on: GRANT, operator_id: operatorId, id: agent.id, facts: removed },
    ...(same ? [] : [{ on: AGENT, operator_id: operatorId, id: agent.id, facts: [closed] }]),
    ...narrowedGrants(operatorId, agent.id, connectionIds),
    ...(same ? [] : [narrowedAgent(operatorId, agent.id, 'access closed')]),
  ];
}

/** `POST /v1/agents/register` (api.md §5.1). Names are not unique: a script that registers on each run works. */
import { type Denial, invalid, notFound } from '@sallyport/contracts/errors.ts';
import { draft } from '@sallyport/contracts/fact.ts';
import { agentRegistered } from '@sallyport/contracts/facts/identity.ts';
import { registerAgent } from '@sallyport/contracts/operations/agents.ts';
import { refuse } from '@sallyport/contracts/call.ts';
import { answerOf } from '@sallyport/service-kit/answer.ts';
import type { OperationHandler } from '@sallyport/service-kit/handler.ts';
import { newId } from '@sallyport/service-kit/ids.ts';
import { agentConnections } from '../allowed-connections.ts';
import type { Deps } from '../deps.ts';
import { AGENT } from '../domain/agent.ts';
import { newAgent } from '../domain/agent-settings.ts';
import { type Read, readConnection, readOperator } from '../reading.ts';

const MAX_AGENTS = 10_000;

export function registerAgentOperation(deps: Deps): OperationHandler<typeof registerAgent> {
  return async ({ principal, body, scope }) => {
    const { operator_id } = principal;
    // Counted in the read model: a bound on storage, not on rights, so a few that register at the same moment may pass it together.
    if ((await liveAgents(deps, operator_id)) >= MAX_AGENTS) return refuse(invalid([{ path: '', rule: 'too_many_agents' }]));
    const decided = await deps.ledger.decide(scope, async (read) => {
      const missing = await unknownConnection(read.get, operator_id, body.allowed_connections ?? []);
      if (missing) return { deny: missing };
      const reach = await agentConnections(deps, read, principal, body.allowed_connections ?? null);
      if (!reach.ok) return { deny: reach.denial };
      const { settings } = await readOperator(read.get, operator_id);
      const id = newId('agent', read.now);
      const created_by = { type: principal.type, id: principal.id };
      const agent = newAgent({ ...body, allowed_connections: reach.allowed }, settings, { id, operator_id, now_ms: read.now, created_by });
      const fact = draft(agentRegistered, { agent }, { agent_id: id });
      return { write: [{ on: AGENT, operator_id, id, facts: [fact] }], value: agent };
    });
    return answerOf(registerAgent, decided, (agent) => agent);
  };
}

async function liveAgents({ database }: Deps, operatorId: string): Promise<number> {
  const query = database.db.selectFrom('agent').where('operator_id', '=', operatorId).where('status', '!=', 'deleted');
  const { count } = await query.select((select) => select.fn.countAll<string>().as('count')).executeTakeFirstOrThrow();
  return Number(count);
}

/** The first id that is no connection of this operator, as a refusal. */
export async function unknownConnection(read: Read, operatorId: string, ids: readonly string[]): Promise<Denial | null> {
  const connections = await Promise.all(ids.map((id) => readConnection(read, operatorId, id)));
  const missing = ids.find((_, index) => !connections[index]);
  return missing === undefined ? null : notFound('Connection', missing);
}

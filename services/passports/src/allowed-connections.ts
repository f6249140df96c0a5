/**
 * What a caller with `allowed_connections` may name or let others reach (api.md §3.2). Lists leave out what lies outside; whatever names it is refused. An agent is no
 * way round: such a caller gives no agent more than its own, and enrols none that reaches further, because who enrols holds the key.
 */
import type { Reader } from '@sallyport/bus/ledger.ts';
import { connectionNotAllowed, mayTouch } from '@sallyport/contracts/allowed-connections.ts';
import type { Denial } from '@sallyport/contracts/errors.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { IssueFields } from '@sallyport/contracts/objects/passport.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { Deps } from './deps.ts';
import { accessTo } from './domain/access.ts';
import { GRANT } from './domain/grant.ts';
import { behind, connectionsOf, type Read, readConnection, readOperator } from './reading.ts';

/** Every connection id and provider slug that a passport's or mission's fields name. */
export function namesIn(fields: Pick<IssueFields, 'intent' | 'intent_services' | 'services' | 'scopes'>): string[] {
  const { intent, intent_services, services, scopes } = fields;
  const declared = typeof intent === 'object' && intent !== null && 'services' in intent ? intent.services : null;
  const entries = [...(services ?? []), ...(scopes ?? []).filter((entry) => typeof entry !== 'string')];
  const named = entries.map((entry) => (typeof entry === 'string' ? entry : (entry.service_connection_id ?? entry.service ?? '')));
  return [...(declared ?? []), ...(intent_services ?? []), ...named].filter((name) => name !== '');
}

/** Refuses names outside of the caller's own. One that is nothing here is for others to judge. */
export async function namesRefusal(read: Read, principal: Principal, names: readonly string[]): Promise<Denial | null> {
  const { allowed_connections: allowed, operator_id } = principal;
  const rest = [...new Set(names)].filter((name) => allowed !== null && !allowed.includes(name));
  if (allowed === null || rest.length === 0) return null;
  const own = await Promise.all(allowed.map((entry) => readConnection(read, operator_id, entry)));
  const providers = new Set(own.map((connection) => connection?.provider));
  for (const name of rest) {
    const connection = await readConnection(read, operator_id, name);
    if (connection ? !mayTouch(principal, connection) : !name.startsWith('scon_') && !providers.has(name)) return connectionNotAllowed();
  }
  return null;
}

type Asked = { ok: true; allowed: string[] | null } | { ok: false; denial: Denial };

/** What a new agent may reach by itself: as asked, and for a caller that is limited never more than its own. */
export async function agentConnections(deps: Deps, read: Reader, principal: Principal, asked: readonly string[] | null): Promise<Asked> {
  if (principal.allowed_connections === null) return { ok: true, allowed: asked && [...new Set(asked)] };
  if (asked) {
    const refused = await namesRefusal(read.get, principal, asked);
    return refused ? { ok: false, denial: refused } : { ok: true, allowed: [...new Set(asked)] };
  }
  const connections = await connectionsOf(deps, principal.operator_id);
  if (!connections) return { ok: false, denial: behind() };
  return { ok: true, allowed: connections.filter((connection) => mayTouch(principal, connection)).map(({ id }) => id) };
}

/** For giving an agent other connections than it had; null: all. */
export async function wideningRefusal(
  read: Read,
  principal: Principal,
  before: readonly string[] | null,
  after: readonly string[] | null | undefined,
): Promise<Denial | null> {
  if (principal.allowed_connections === null || after === undefined) return null;
  if (after === null) return connectionNotAllowed();
  return namesRefusal(
    read,
    principal,
    after.filter((id) => !before?.includes(id)),
  );
}

/** May the caller hold a key of this agent? Not where the agent reaches what the caller may not. */
export async function reachRefusal(
  deps: Deps,
  read: Pick<Reader, 'get' | 'now'>,
  principal: Principal,
  agent: Agent,
): Promise<Denial | null> {
  if (principal.allowed_connections === null) return null;
  const { operator_id } = principal;
  const [connections, grants, operator] = await Promise.all([
    connectionsOf(deps, operator_id),
    read.get(GRANT, operator_id, agent.id),
    readOperator(read.get, operator_id),
  ]);
  if (!connections) return behind();
  const outside = connections.filter((connection) => !mayTouch(principal, connection));
  const reached = outside.some((connection) => accessTo(connection, agent, grants.state, operator.settings, read.now) !== null);
  return reached ? connectionNotAllowed() : null;
}

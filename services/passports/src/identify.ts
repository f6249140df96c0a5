/**
 * Who a credential belongs to, at the log's leader: keys by their HMAC, agents by their id. Needs no read model, so that authentication works, and a key
 * that was retired dies, whatever else is behind. Answers carry the position up to which they are complete.
 */
import { readLedger } from '@sallyport/bus/api.ts';
import { LedgerUnavailable } from '@sallyport/bus/errors.ts';
import { parseSubject, PLATFORM } from '@sallyport/bus/subjects.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { AgentView, OperatorView, PrincipalView } from '@sallyport/contracts/objects/views.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import { target } from '@sallyport/contracts/target.ts';
import { sameText } from './api-keys.ts';
import type { Deps } from './deps.ts';
import { AGENT, presentAgent } from './domain/agent.ts';
import { KEY, KEY_BY_HMAC, keyLives, type KeyState } from './domain/key.ts';
import { MEMBER } from './domain/member.ts';
import { OPERATOR } from './domain/operator.ts';
import { memberPrincipal } from './members.ts';
import { noteSeen } from './projections/member-seen.ts';

type IdentifyDeps = Pick<Deps, 'ledger' | 'keys' | 'clock' | 'bus' | 'database'>;

/** The stream's last sequence, read before anything else is: what is read then is complete up to it. */
export async function positionFrom(deps: Pick<Deps, 'ledger'>, minSeq: number): Promise<number> {
  const position = await deps.ledger.streamLast();
  if (position < minSeq) throw new LedgerUnavailable('the leader has not what the asker has read');
  return position;
}

export async function resolvePrincipal(deps: IdentifyDeps, sha256: string, minSeq: number): Promise<PrincipalView | null> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return null;
  const position = await positionFrom(deps, minSeq);
  const hmac = deps.keys.hmac(sha256);
  const { state: found } = await deps.ledger.load(KEY_BY_HMAC, PLATFORM, hmac);
  if (!found.exists || !sameText(found.hmac, hmac)) return null;
  const { state: key } = await deps.ledger.load(KEY, found.operator_id, found.key_id);
  if (!keyLives(key, deps.clock.now()) || !key.principal) return null;
  const principal =
    key.principal.type === 'operator' ? operatorPrincipal(key, key.principal.id) : await memberOf(deps, key, key.principal.id);
  return principal && { position, principal, expires_at_ms: key.dies_at_ms };
}

function operatorPrincipal({ operator_id, key_id }: KeyState, id: string): Principal {
  return {
    type: 'operator',
    id,
    operator_id,
    role: null,
    credential: 'operator_key',
    allowed_connections: null,
    scopes: null,
    target: target('key', key_id),
  };
}

/** A key of an earlier rotation opens nothing, also where its own end were not told. */
async function memberOf(deps: IdentifyDeps, { operator_id, key_id }: KeyState, memberId: string): Promise<Principal | null> {
  const { state: member } = await deps.ledger.load(MEMBER, operator_id, memberId);
  if (member.key_id !== key_id) return null;
  const principal = memberPrincipal(member, 'member_key', null);
  if (principal) noteSeen(deps, memberId);
  return principal;
}

const MAX_KNOWN = 50_000;
/** Agent → operator; an agent never changes hands. */
const operators = new Map<string, string>();

export async function operatorOfAgent(deps: Pick<Deps, 'bus'>, agentId: string): Promise<string | null> {
  if (!isId('agent', agentId)) return null;
  const known = operators.get(agentId);
  if (known !== undefined) return known;
  const last = await readLedger(deps.bus, { last_by_subj: `ledger.*.*.agent.${agentId}` });
  const subject = last && parseSubject(last.subject);
  if (subject?.type !== 'aggregate') return null;
  operators.set(agentId, subject.operator_id);
  for (const oldest of operators.size > MAX_KNOWN ? operators.keys().take(1) : []) operators.delete(oldest);
  return subject.operator_id;
}

export async function resolveAgent(deps: IdentifyDeps, agentId: string, minSeq: number): Promise<AgentView | null> {
  const operatorId = await operatorOfAgent(deps, agentId);
  if (operatorId === null) return null;
  const position = await positionFrom(deps, minSeq);
  const agent = presentAgent((await deps.ledger.load(AGENT, operatorId, agentId)).state);
  return agent && { position, agent };
}

export async function resolveOperator(deps: IdentifyDeps, operatorId: string, minSeq: number): Promise<OperatorView | null> {
  if (!isId('operator', operatorId)) return null;
  const position = await positionFrom(deps, minSeq);
  const { state } = await deps.ledger.load(OPERATOR, operatorId, operatorId);
  if (!state.exists || !state.settings) return null;
  const { frozen, frozen_reason, settings, signed_in } = state;
  return { position, operator_id: operatorId, frozen, frozen_reason, settings, signed_in };
}

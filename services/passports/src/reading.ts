/**
 * Reading what an operation needs, at the log's leader: aggregates whole, connections from the read model once it has everything the leader has. An id that is
 * none, or not this operator's, reads as "does not exist".
 */
import type { Reader } from '@sallyport/bus/ledger.ts';
import { partitionOf } from '@sallyport/bus/subjects.ts';
import { type Denial, denial, notFound } from '@sallyport/contracts/errors.ts';
import { isId } from '@sallyport/contracts/ids.ts';
import type { Agent } from '@sallyport/contracts/objects/agent.ts';
import type { Connection } from '@sallyport/contracts/objects/connection.ts';
import type { Principal } from '@sallyport/contracts/principal.ts';
import type { OperatorSettings } from '@sallyport/contracts/objects/operator.ts';
import type { Deps } from './deps.ts';
import { AGENT, type AgentState, presentAgent } from './domain/agent.ts';
import { CONNECTION } from './domain/connection.ts';
import { type Family, type Life, lifeOf, type Link } from './domain/life.ts';
import { MISSION, type MissionState } from './domain/mission.ts';
import { OPERATOR, type OperatorState } from './domain/operator.ts';
import { type Issued, PASSPORT, type PassportState } from './domain/passport.ts';
import { SESSION } from './domain/session.ts';

/** A decision's reader, or the ledger itself. */
export type Read = Reader['get'];

export type LiveOperator = OperatorState & { settings: OperatorSettings };
export type IssuedPassportState = PassportState & { issued: Issued };

export async function readOperator(read: Read, operatorId: string): Promise<LiveOperator> {
  const { state } = await read(OPERATOR, operatorId, operatorId);
  const { settings } = state;
  // Whoever was authenticated belongs to an operator that exists.
  if (!state.exists || !settings) throw new Error('the operator of a principal does not exist');
  return { ...state, settings };
}

/** The agent unless it was deleted. */
export async function readAgent(read: Read, operatorId: string, id: string): Promise<{ state: AgentState; agent: Agent } | null> {
  if (!isId('agent', id)) return null;
  const { state } = await read(AGENT, operatorId, id);
  const agent = presentAgent(state);
  return agent && { state, agent };
}

export async function readMission(read: Read, operatorId: string, id: string): Promise<MissionState | null> {
  if (!isId('mission', id)) return null;
  const { state } = await read(MISSION, operatorId, id);
  return state.exists ? state : null;
}

/** For those who may see it: an agent only its own. `seq`: its last fact. */
export async function ownMission(read: Read, principal: Principal, id: string): Promise<{ mission: MissionState; seq: number } | null> {
  if (!isId('mission', id)) return null;
  const { state: mission, seq } = await read(MISSION, principal.operator_id, id);
  if (!mission.exists || (principal.type === 'agent' && mission.agent_id !== principal.id)) return null;
  return { mission, seq };
}

/** The missions that a mission stands below. */
export async function readAbove(read: Read, { operator_id, ancestors }: MissionState): Promise<MissionState[]> {
  return Promise.all(ancestors.map(async (id) => (await read(MISSION, operator_id, id)).state));
}

export async function readPassport(read: Read, operatorId: string, jti: string): Promise<IssuedPassportState | null> {
  if (!isId('passport', jti)) return null;
  const { state } = await read(PASSPORT, operatorId, jti);
  const { issued } = state;
  return issued && { ...state, issued };
}

export async function readConnection(read: Read, operatorId: string, id: string): Promise<Connection | null> {
  if (!isId('connection', id)) return null;
  return (await read(CONNECTION, operatorId, id)).state.connection;
}

/** The first passport of a line. */
export async function readHead(read: Read, operatorId: string, line: string): Promise<IssuedPassportState> {
  const head = await readPassport(read, operatorId, line);
  // A refresh and a child are issued in the log after what they continue.
  if (!head) throw new Error('the first passport of a line does not exist');
  return head;
}

/** The passport that stands for the line now. */
export async function readCurrent(read: Read, operatorId: string, head: IssuedPassportState): Promise<IssuedPassportState> {
  return head.current === null || head.current === head.issued.jti ? head : readHead(read, operatorId, head.current);
}

/** The passport with all that can end it. */
export async function readFamily(read: Read, operatorId: string, passport: IssuedPassportState): Promise<Family> {
  const linkOf = async (state: IssuedPassportState, head: PassportState): Promise<Link> => {
    const [agent, mission] = await Promise.all([
      read(AGENT, operatorId, state.issued.agent_id),
      read(MISSION, operatorId, state.issued.mission_id),
    ]);
    return { passport: state, head, agent: agent.state, mission: mission.state };
  };
  const parentOf = async (line: string): Promise<Link> => {
    const head = await readHead(read, operatorId, line);
    return linkOf(await readCurrent(read, operatorId, head), head);
  };
  const { issued } = passport;
  const ownHead = issued.line === issued.jti ? passport : readHead(read, operatorId, issued.line);
  const [self, session, operator, ...parents] = await Promise.all([
    Promise.resolve(ownHead).then((head) => linkOf(passport, head)),
    read(SESSION, operatorId, issued.session_id),
    read(OPERATOR, operatorId, operatorId),
    ...issued.parents.map(({ line }) => parentOf(line)),
  ]);
  return { self, parents, session: session.state, operator: operator.state };
}

export async function readLife(read: Read, operatorId: string, passport: IssuedPassportState, nowMs: number): Promise<Life> {
  return lifeOf(await readFamily(read, operatorId, passport), nowMs);
}

/** Longer than a busy read model takes; shorter than any service waits for an answer of this one. */
const CATCH_UP_MS = 1_500;

/** Sequence of the last fact about any aggregate of this kind. */
export function lastOfKind(deps: Pick<Deps, 'ledger'>, operatorId: string, kind: string): Promise<number> {
  return deps.ledger.lastSeq(`ledger.${partitionOf(operatorId)}.${operatorId}.${kind}.*`);
}

/** All connections of the operator as of now, or null: the read model is behind. */
export async function connectionsOf(deps: Deps, operatorId: string): Promise<Connection[] | null> {
  const last = await lastOfKind(deps, operatorId, 'connection');
  if (last === 0) return [];
  if (!(await deps.model.waitFor(operatorId, last, CATCH_UP_MS))) return null;
  const rows = await deps.database.db
    .selectFrom('connection')
    .select('object')
    .where('operator_id', '=', operatorId)
    .orderBy('connection_id')
    .execute();
  return rows.map(({ object }) => object);
}

export function behind(): Denial {
  return { ...denial('READ_MODEL_BEHIND', 'The read model has not caught up yet.'), retry_after: 1 };
}

const LIST_WAIT_MS = 2_000;

/** Null once the model has reached what the caller has seen (`X-Min-Event-Seq`). */
export async function waitForSeen(deps: Deps, operatorId: string, minSeq: number | undefined, model = deps.model): Promise<Denial | null> {
  if (minSeq === undefined || minSeq === 0) return null;
  return (await model.waitFor(operatorId, minSeq, LIST_WAIT_MS)) ? null : behind();
}

export function noAgent(id: string): Denial {
  return notFound('Agent', id);
}

export function noPassport(jti: string): Denial {
  return notFound('Passport', jti);
}

export function ownObjectsOnly(): Denial {
  return denial('FORBIDDEN', 'An agent acts for itself only.', { reason: 'own_objects_only' });
}

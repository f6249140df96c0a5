/**
 * The fact: what happened, once, in one order (architecture, "Facts"). A message of the ledger carries an array of them.
 * Facts never hold a secret or a body.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { oneOf } from './schema.ts';

export const ACTOR_TYPES = ['agent', 'member', 'operator', 'service', 'system'] as const;

export const Actor = Type.Object({
  type: oneOf(ACTOR_TYPES),
  id: Type.String(),
});
export type Actor = Static<typeof Actor>;

export interface Fact<T extends string = string, D = Record<string, unknown>> {
  id: string;
  type: T;
  v: number;
  /** Writer's clock, Unix ms; advisory. */
  at: number;
  operator_id: string;
  agent_id?: string;
  session_id?: string;
  mission_id?: string;
  jti?: string;
  actor: Actor;
  causation_id?: string;
  request_id?: string;
  traceparent?: string;
  data: D;
}

/** Where a fact stands: (stream sequence, index inside its message), with the stream's own timestamp. */
export interface Position {
  seq: number;
  index: number;
  ts_ms: number;
}

/** What a decision says; the ledger adds the envelope (id, at, actor, request, trace). */
export interface DraftFact<T extends string = string, D = Record<string, unknown>> {
  /** Given where the writer must know the id beforehand (the row `aud_X` of fact `evt_X`). */
  id?: string;
  type: T;
  v: number;
  agent_id?: string;
  session_id?: string;
  mission_id?: string;
  jti?: string;
  data: D;
}

export interface FactType<T extends string, S extends TSchema> {
  type: T;
  v: number;
  data: S;
}

const registry = new Map<string, FactType<string, TSchema>>();

/** Registers a fact type; its schema is frozen by `test/frozen-facts.test.ts`. */
export function factType<T extends string, S extends TSchema>(type: T, v: number, data: S): FactType<T, S> {
  if (registry.has(`${type}@${v}`)) throw new Error(`fact type ${type}@${v} is defined twice`);
  const definition = { type, v, data };
  registry.set(`${type}@${v}`, definition);
  return definition;
}

export function factTypes(): FactType<string, TSchema>[] {
  return [...registry.values()];
}

/** A typed draft of a registered fact. */
export function draft<T extends string, S extends TSchema>(
  definition: FactType<T, S>,
  data: Static<S>,
  whose: Pick<DraftFact, 'agent_id' | 'session_id' | 'mission_id' | 'jti' | 'id'> = {},
): DraftFact<T, Static<S>> {
  return { type: definition.type, v: definition.v, ...whose, data };
}

/**
 * The data of a fact of this type, or null for another type. Facts are validated where they are written;
 * the ledger is the trusted side, so reading does not validate again.
 */
export function dataOf<T extends string, S extends TSchema>(definition: FactType<T, S>, fact: Fact): Static<S> | null {
  return fact.type === definition.type && fact.v === definition.v ? (fact.data as Static<S>) : null;
}

import type { Fact } from '@sallyport/contracts/fact.ts';
import type { AggregateKind } from '../../src/ledger.ts';

let count = 0;

export function fact(type: string, data: Record<string, unknown> = {}): Fact {
  return { id: `evt_${++count}`, type, v: 1, at: 1, operator_id: 'op_1', actor: { type: 'system', id: 'test' }, data };
}

/** Counts its facts and keeps their names. */
export const counter: AggregateKind<{ count: number; names: string[] }> = {
  kind: 'agent',
  initial: () => ({ count: 0, names: [] }),
  evolve: (state, { type }) => ({ count: state.count + 1, names: [...state.names, type] }),
};

export const scope = { operator_id: 'op_1', actor: { type: 'system' as const, id: 'test' } };

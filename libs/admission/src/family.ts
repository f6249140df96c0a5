/** The tables of one family of missions in memory, from a snapshot on. */
import { HASH_BYTES, type Hash } from './entry.ts';
import { HashTable } from './hash-table.ts';
import type { CountKey, Holding, Tables } from './rules.ts';
import type { OperationState } from './verdict.ts';

/** The tables as of a log position, as audit gives them. */
export interface MissionTable {
  operations: { mission: Hash; id: Hash; digest: Hash; state: OperationState['state'] }[];
  approvals: { mission: Hash; id: Hash }[];
  counts: (CountKey & { used: number })[];
  /** Admitted attempts that are not closed. */
  open: (Holding & { attempt: Hash })[];
}

export const EMPTY_TABLE: MissionTable = { operations: [], approvals: [], counts: [], open: [] };

export interface Family extends Tables {
  /** Entries up to here are in the tables. */
  as_of: number;
  /** Stream time of the last own question. */
  used_ms: number;
  open: Map<Hash, Holding>;
  sizes(): { operations: number; bytes: number };
}

/** 0: no such operation, or its id is free again. */
const STATES: readonly (OperationState['state'] | null)[] = [null, 'running', 'success', 'failure', 'unknown', 'denied'];
const OPERATION_BYTES = HASH_BYTES + 1;

export function createFamily(root: Hash, table: MissionTable, asOf: number, tsMs: number): Family {
  const operations = new HashTable(OPERATION_BYTES);
  const approvals = new Set<string>();
  const counts = new Map<string, number>();
  const open = new Map<Hash, Holding>();

  /** Operation ids count within their mission. */
  const operationKey = (mission: Hash, id: Hash): Hash => (mission === root ? id : xor(mission, id));
  const keyOf = ({ mission, kind, service }: CountKey): string => `${mission}${kind}${service ?? ''}`;

  const family: Family = {
    as_of: asOf,
    used_ms: tsMs,
    open,
    operation: (mission, id) => {
      const at = operations.find(operationKey(mission, id));
      const state = at < 0 ? null : STATES[operations.values.getUint8(at + HASH_BYTES)];
      if (!state) return null;
      const { buffer } = operations.values;
      return { digest: Buffer.from(buffer, at, HASH_BYTES).toString('latin1'), state };
    },
    setOperation: (mission, id, state) => {
      const at = operations.put(operationKey(mission, id));
      operations.values.setUint8(at + HASH_BYTES, state === null ? 0 : STATES.indexOf(state.state));
      if (state) Buffer.from(operations.values.buffer, at, HASH_BYTES).write(state.digest, 'latin1');
    },
    isApprovalUsed: (mission, id) => approvals.has(mission + id),
    useApproval: (mission, id) => approvals.add(mission + id),
    used: (key) => counts.get(keyOf(key)) ?? 0,
    count: (key, by) => {
      const name = keyOf(key);
      counts.set(name, (counts.get(name) ?? 0) + by);
    },
    sizes: () => ({ operations: operations.size, bytes: operations.bytes }),
  };
  for (const { mission, id, digest, state } of table.operations) family.setOperation(mission, id, { digest, state });
  for (const { mission, id } of table.approvals) family.useApproval(mission, id);
  for (const { used, ...key } of table.counts) counts.set(keyOf(key), used);
  for (const { attempt, ...holding } of table.open) open.set(attempt, holding);
  return family;
}

function xor(a: Hash, b: Hash): Hash {
  let mixed = '';
  for (let i = 0; i < HASH_BYTES; i++) mixed += String.fromCharCode(a.charCodeAt(i) ^ b.charCodeAt(i));
  return mixed;
}

/**
 * Rules 3 to 5 of `admit`, over whatever holds a family's operations, consumed approvals and counts: memory at a gateway, PostgreSQL in audit. Pure but for
 * the tables that they are given.
 *
 * A family is a mission with all that were opened below it: the caps of a mission count the calls of its children, and what becomes of those rests on their
 * own tables, so they are judged together. Every entry names its family: the last of its missions.
 */
import type { AttemptEntry, Cap, ClosingEntry, Hash } from './entry.ts';
import { ADMITTED, type CapName, type OperationState, type Verdict } from './verdict.ts';

/** What the rules read of an attempt. */
export type TableEntry = Pick<AttemptEntry, 'id' | 'missions' | 'operation' | 'approval' | 'service' | 'caps'>;

export interface CountKey {
  mission: Hash;
  kind: Cap['kind'];
  /** Null for `actions`. */
  service: Hash | null;
}

export interface Tables {
  operation(mission: Hash, id: Hash): OperationState | null;
  /** Null frees the id. */
  setOperation(mission: Hash, id: Hash, state: OperationState | null): void;
  isApprovalUsed(mission: Hash, id: Hash): boolean;
  useApproval(mission: Hash, id: Hash): void;
  used(key: CountKey): number;
  count(key: CountKey, by: 1 | -1): void;
}

/** What an admitted attempt holds until it is closed. */
export interface Holding {
  mission: Hash;
  operation: { id: Hash; digest: Hash } | null;
  counts: CountKey[];
}

const CAP_NAMES: Record<Cap['kind'], CapName> = { actions: 'max_actions', actions_per_service: 'max_actions_per_service' };

/** Whether rules 3 to 5 have a say. */
export function asksTables(entry: TableEntry): boolean {
  return entry.operation !== undefined || entry.approval !== undefined || entry.caps.length > 0;
}

export function familyOf(entry: Pick<AttemptEntry, 'missions'>): Hash {
  return entry.missions.at(-1) ?? '';
}

function ownMission(entry: TableEntry): Hash {
  return entry.missions[0] ?? '';
}

function countKey(entry: TableEntry, cap: Cap): CountKey {
  return { mission: entry.missions[cap.mission] ?? '', kind: cap.kind, service: cap.kind === 'actions' ? null : entry.service };
}

export function judgeByTables(tables: Tables, entry: TableEntry): Verdict {
  const mission = ownMission(entry);
  const known = entry.operation && tables.operation(mission, entry.operation.id);
  if (known) return { admitted: false, reason: 'operation', operation: known };
  if (entry.approval !== undefined && tables.isApprovalUsed(mission, entry.approval)) return { admitted: false, reason: 'approval' };
  const over: CapName[] = [];
  for (const cap of entry.caps) {
    const used = tables.used(countKey(entry, cap));
    if (used < cap.limit) continue;
    const name = CAP_NAMES[cap.kind];
    if (cap.behaviour === 'deny') return { admitted: false, reason: 'cap', cap: name, limit: cap.limit, used };
    if (!over.includes(name)) over.push(name);
  }
  return over.length === 0 ? ADMITTED : { admitted: true, over_caps: over };
}

/** Writes down what an admitted entry uses up. */
export function take(tables: Tables, entry: TableEntry): Holding {
  const mission = ownMission(entry);
  const { operation, approval } = entry;
  if (operation) tables.setOperation(mission, operation.id, { digest: operation.digest, state: 'running' });
  if (approval !== undefined) tables.useApproval(mission, approval);
  const counts = entry.caps.map((cap) => countKey(entry, cap));
  for (const key of counts) tables.count(key, 1);
  return { mission, operation: operation ?? null, counts };
}

/** The first closing of an admitted attempt: without a byte sent it gives operation and counts back, never the approval. */
export function giveBack(
  tables: Tables,
  { mission, operation, counts }: Holding,
  { sent, outcome }: Pick<ClosingEntry, 'sent' | 'outcome'>,
): void {
  if (operation) tables.setOperation(mission, operation.id, sent ? { digest: operation.digest, state: outcome } : null);
  if (!sent) for (const key of counts) tables.count(key, -1);
}

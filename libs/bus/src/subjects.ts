/**
 * Names of everything on the bus, in one place. Pure. A subject is built only from ids that this module has checked:
 * a dot, a wildcard or a space in an id would name somebody else's subject.
 */
export const PARTITIONS = 16;

/** Stands for the operator in subjects of things that exist once per platform (the bootstrap). */
export const PLATFORM = '-';

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

function token(value: string): string {
  if (!TOKEN.test(value)) throw new RangeError('not a subject token');
  return value;
}

/** FNV-1a (32 bits) of the id, mod 16. Computed by the writer, so that projectors share the work; for ever fixed. */
export function partitionOf(operatorId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < operatorId.length; i++) hash = Math.imul(hash ^ operatorId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PARTITIONS;
}

export function aggregateSubject(operatorId: string, kind: string, id: string): string {
  return `ledger.${partitionOf(operatorId)}.${token(operatorId)}.${token(kind)}.${token(id)}`;
}

export function fenceSubject(operatorId: string, kind: string, id: string): string {
  return `ledger.${partitionOf(operatorId)}.${token(operatorId)}.fence.${token(kind)}.${token(id)}`;
}

/** `hash`: hex or base64url of what may exist once. */
export function uniqueSubject(operatorId: string, hash: string): string {
  return `ledger.${partitionOf(operatorId)}.${token(operatorId)}.unique.${token(hash)}`;
}

export function callsSubject(partition: number, boot: string): string {
  if (!Number.isInteger(partition) || partition < 0 || partition >= PARTITIONS) throw new RangeError('no such partition');
  return `ledger.${partition}.calls.${token(boot)}`;
}

export function operationSubject(owner: string, operation: string): string {
  for (const part of operation.split('.')) token(part);
  return `op.${token(owner)}.${operation}`;
}

/** `*`: of every operator. */
export function cutSubject(operatorId: string): string {
  return `cut.${operatorId === '*' ? operatorId : token(operatorId)}`;
}

export function revokedSubject(operatorId: string): string {
  return `stack.revoked.${token(operatorId)}`;
}

/** What a gateway follows: every call and every fence, in one order. */
export const GATEWAY_FILTERS = ['ledger.*.calls.*', 'ledger.*.*.fence.>'];

export type LedgerSubject =
  | { type: 'aggregate'; partition: number; operator_id: string; kind: string; id: string }
  | { type: 'fence'; partition: number; operator_id: string; kind: string; id: string }
  | { type: 'unique'; partition: number; operator_id: string; hash: string }
  | { type: 'calls'; partition: number; boot: string };

/** The parts of a ledger subject, or null for any other subject. */
export function parseSubject(subject: string): LedgerSubject | null {
  const [root, part = '', a = '', b = '', c = '', d = '', ...more] = subject.split('.');
  const partition = /^\d{1,2}$/.test(part) ? Number(part) : PARTITIONS;
  if (root !== 'ledger' || partition >= PARTITIONS || more.length > 0 || !a || !b) return null;
  if (a === 'calls') return c || d ? null : { type: 'calls', partition, boot: b };
  if (b === 'fence') return c && d ? { type: 'fence', partition, operator_id: a, kind: c, id: d } : null;
  if (!c || d) return null;
  return b === 'unique'
    ? { type: 'unique', partition, operator_id: a, hash: c }
    : { type: 'aggregate', partition, operator_id: a, kind: b, id: c };
}

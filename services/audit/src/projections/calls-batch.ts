/**
 * The rows of one batch of calls in memory: read before, judged over by rules 3 to 5 of `admit`, written after, in one transaction. Holds exactly the rows
 * that the batch can touch.
 */
import type { Hash } from '@sallyport/admission/entry.ts';
import { type CountKey, familyOf, giveBack, type Holding, judgeByTables, take, type Tables } from '@sallyport/admission/rules.ts';
import type { OperationState } from '@sallyport/admission/verdict.ts';
import { sql, type Transaction } from 'kysely';
import type { AuditTables, HoldingText } from '../db/schema.ts';
import { hashFrom, hashText } from '../calls/hash-text.ts';
import type { CallStep } from '../calls/replay.ts';

type Tx = Transaction<AuditTables>;
type Rows = { [T in 'operations' | 'approvals' | 'counts' | 'attempts']: Map<string, Kept<AuditTables[T]>> };

/** `row` null: there is none. */
interface Kept<R> {
  row: R | null;
  changed: boolean;
}

export async function applyCalls(tx: Tx, steps: readonly CallStep[]): Promise<void> {
  const rows: Rows = { operations: new Map(), approvals: new Map(), counts: new Map(), attempts: new Map() };
  await readAttempts(tx, rows, steps);
  await readTables(tx, rows, steps);
  for (const step of steps) apply(rows, step);
  await write(tx, rows);
}

function apply(rows: Rows, step: CallStep): void {
  if (step.kind === 'closing') {
    const id = hashText(step.entry.attempt);
    const opened = rows.attempts.get(id)?.row;
    if (!opened) return;
    rows.attempts.set(id, { row: null, changed: true });
    if (opened.holding) giveBack(tablesOf(rows, opened.family), holdingFrom(opened.holding), step.entry);
    return;
  }
  const { entry, verdict: early, seq, index, boot } = step;
  const id = hashText(entry.id);
  const isClosed = !early.admitted && early.reason === 'given_up';
  if (isClosed) return;
  const family = hashText(familyOf(entry));
  const tables = tablesOf(rows, family);
  // Where nobody can tell, the call may have been sent: it holds what it would hold then, until its closing says otherwise.
  const verdict = early.admitted || early.reason === 'unknown' ? judgeByTables(tables, entry) : early;
  const holding = verdict.admitted ? holdingText(take(tables, entry)) : null;
  const reason = verdict.admitted ? null : verdict.reason;
  rows.attempts.set(id, { row: { attempt: id, boot: hashText(boot), seq, index, family, reason, holding }, changed: true });
}

const pairKey = (mission: string, id: string): string => `${mission} ${id}`;
const tripleKey = (mission: string, kind: string, service: string): string => `${mission} ${kind} ${service}`;

function tablesOf({ operations, approvals, counts }: Rows, family: string): Tables {
  const countKey = ({ mission, kind, service }: CountKey): { mission: string; kind: CountKey['kind']; service: string } => ({
    mission: hashText(mission),
    kind,
    service: service === null ? '' : hashText(service),
  });
  const used = (key: CountKey): number => {
    const { mission, kind, service } = countKey(key);
    return counts.get(tripleKey(mission, kind, service))?.row?.used ?? 0;
  };
  return {
    operation: (mission, id): OperationState | null => {
      const row = operations.get(pairKey(hashText(mission), hashText(id)))?.row;
      return row ? { digest: hashFrom(row.digest), state: row.state } : null;
    },
    setOperation: (mission, id, state) => {
      const key = { mission: hashText(mission), id: hashText(id) };
      const row = state && { ...key, family, digest: hashText(state.digest), state: state.state };
      operations.set(pairKey(key.mission, key.id), { row, changed: true });
    },
    isApprovalUsed: (mission, id) => Boolean(approvals.get(pairKey(hashText(mission), hashText(id)))?.row),
    useApproval: (mission, id) => {
      const row = { mission: hashText(mission), id: hashText(id), family };
      approvals.set(pairKey(row.mission, row.id), { row, changed: true });
    },
    used,
    count: (key, by) => {
      const row = { ...countKey(key), family, used: used(key) + by };
      counts.set(tripleKey(row.mission, row.kind, row.service), { row, changed: true });
    },
  };
}

async function readAttempts(tx: Tx, rows: Rows, steps: readonly CallStep[]): Promise<void> {
  const closed = steps.flatMap((step) => (step.kind === 'closing' ? [hashText(step.entry.attempt)] : []));
  if (closed.length === 0) return;
  const found = await sql<AuditTables['attempts']>`select * from attempts where attempt = any(${closed}::text[])`.execute(tx);
  for (const row of found.rows) rows.attempts.set(row.attempt, { row, changed: false });
}

/** Everything that these attempts, and those which these closings end, may touch. */
async function readTables(tx: Tx, rows: Rows, steps: readonly CallStep[]): Promise<void> {
  const operations = new Map<string, [string, string]>();
  const approvals = new Map<string, [string, string]>();
  const missions = new Set<string>();
  const pair = (into: Map<string, [string, string]>, mission: Hash, id: Hash): void => {
    const both: [string, string] = [hashText(mission), hashText(id)];
    into.set(pairKey(...both), both);
  };
  for (const step of steps) {
    if (step.kind !== 'attempt') continue;
    const { missions: line, operation, approval, caps } = step.entry;
    const [own = ''] = line;
    if (operation) pair(operations, own, operation.id);
    if (approval !== undefined) pair(approvals, own, approval);
    for (const cap of caps) missions.add(hashText(line[cap.mission] ?? ''));
  }
  for (const { row } of rows.attempts.values()) for (const { mission } of row?.holding?.counts ?? []) missions.add(mission);
  const columns = (of: Map<string, [string, string]>): [string[], string[]] => {
    const pairs = [...of.values()];
    return [pairs.map(([mission]) => mission), pairs.map(([, id]) => id)];
  };
  if (operations.size > 0) {
    const [of, ids] = columns(operations);
    const found = await sql<AuditTables['operations']>`
      select * from operations where (mission, id) in (select * from unnest(${of}::text[], ${ids}::text[]))`.execute(tx);
    for (const row of found.rows) rows.operations.set(pairKey(row.mission, row.id), { row, changed: false });
  }
  if (approvals.size > 0) {
    const [of, ids] = columns(approvals);
    const found = await sql<AuditTables['approvals']>`
      select * from approvals where (mission, id) in (select * from unnest(${of}::text[], ${ids}::text[]))`.execute(tx);
    for (const row of found.rows) rows.approvals.set(pairKey(row.mission, row.id), { row, changed: false });
  }
  if (missions.size > 0) {
    const found = await sql<AuditTables['counts']>`select * from counts where mission = any(${[...missions]}::text[])`.execute(tx);
    for (const row of found.rows) rows.counts.set(tripleKey(row.mission, row.kind, row.service), { row, changed: false });
  }
}

async function write(tx: Tx, rows: Rows): Promise<void> {
  const operations = changedIn(rows.operations);
  if (operations.put.length > 0) {
    await sql`insert into operations (mission, id, family, digest, state)
      select mission, id, family, digest, state from json_populate_recordset(null::operations, ${JSON.stringify(operations.put)}::json)
      on conflict (mission, id) do update set digest = excluded.digest, state = excluded.state`.execute(tx);
  }
  for (const key of operations.gone) {
    const [mission = '', id = ''] = key.split(' ');
    await tx.deleteFrom('operations').where('mission', '=', mission).where('id', '=', id).execute();
  }
  const approvals = changedIn(rows.approvals).put;
  if (approvals.length > 0) await tx.insertInto('approvals').values(approvals).execute();
  const counts = changedIn(rows.counts).put;
  if (counts.length > 0) {
    await sql`insert into counts (mission, kind, service, family, used)
      select mission, kind, service, family, used from json_populate_recordset(null::counts, ${JSON.stringify(counts)}::json)
      on conflict (mission, kind, service) do update set used = excluded.used`.execute(tx);
  }
  const attempts = changedIn(rows.attempts);
  if (attempts.gone.length > 0) await sql`delete from attempts where attempt = any(${attempts.gone}::text[])`.execute(tx);
  if (attempts.put.length > 0) {
    await sql`insert into attempts (attempt, boot, seq, index, family, reason, holding)
      select attempt, boot, seq, index, family, reason, holding
      from json_populate_recordset(null::attempts, ${JSON.stringify(attempts.put)}::json)`.execute(tx);
  }
}

function changedIn<R>(rows: ReadonlyMap<string, Kept<R>>): { put: R[]; gone: string[] } {
  const changed = [...rows].filter(([, kept]) => kept.changed);
  return {
    put: changed.flatMap(([, { row }]) => (row === null ? [] : [row])),
    gone: changed.flatMap(([key, { row }]) => (row === null ? [key] : [])),
  };
}

function holdingText({ mission, operation, counts }: Holding): HoldingText {
  return {
    mission: hashText(mission),
    operation: operation && { id: hashText(operation.id), digest: hashText(operation.digest) },
    counts: counts.map(({ mission: of, kind, service }) => ({
      mission: hashText(of),
      kind,
      service: service === null ? null : hashText(service),
    })),
  };
}

function holdingFrom({ mission, operation, counts }: HoldingText): Holding {
  return {
    mission: hashFrom(mission),
    operation: operation && { id: hashFrom(operation.id), digest: hashFrom(operation.digest) },
    counts: counts.map(({ mission: of, kind, service }) => ({
      mission: hashFrom(of),
      kind,
      service: service === null ? null : hashFrom(service),
    })),
  };
}

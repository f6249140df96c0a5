/**
 * The rules of `admit` written down once more, by looking through the whole history for every entry: slow, and sharing nothing with the code under test
 * but its types. What it says is what every instance must say that says anything.
 */
import type { AttemptEntry, Hash } from '../../src/entry.ts';
import type { MissionTable } from '../../src/family.ts';
import type { OperationState, Verdict } from '../../src/verdict.ts';
import type { LogItem } from './log.ts';

const LOOK_BACK_MS = 75_000;

interface Judged {
  item: LogItem;
  verdict: Verdict | null;
}

/** An admitted attempt and what became of it: null when its first closing said that no byte was sent. */
interface Past {
  entry: AttemptEntry;
  state: OperationState['state'] | null;
}

/** The verdict on every attempt and assertion of the log, in order; null for what is neither. */
export function referenceVerdicts(log: readonly LogItem[]): (Verdict | null)[] {
  const judged: Judged[] = [];
  const past: Past[] = [];
  for (const item of log) {
    const verdict = verdictOn(item, judged, past);
    judged.push({ item, verdict });
    remember(past, item, verdict);
  }
  return judged.map(({ verdict }) => verdict);
}

function remember(past: Past[], item: LogItem, verdict: Verdict | null): void {
  if (item.what !== 'entry') return;
  const { entry } = item;
  if (entry.kind === 'attempt' && verdict?.admitted) past.push({ entry, state: 'running' });
  if (entry.kind !== 'closing') return;
  const opened = past.find((one) => one.entry.id === entry.attempt);
  if (opened?.state === 'running') opened.state = entry.sent ? entry.outcome : null;
}

function verdictOn(item: LogItem, before: readonly Judged[], past: readonly Past[]): Verdict | null {
  if (item.what !== 'entry' || (item.entry.kind !== 'attempt' && item.entry.kind !== 'assertion')) return null;
  const { entry, at } = item;
  const recent = before.filter(({ item: other }) => at.ts_ms - other.at.ts_ms <= LOOK_BACK_MS && other.at.partition === at.partition);
  const has = (test: (other: LogItem) => boolean): boolean => recent.some(({ item: other }) => test(other));
  const no = <const R extends string>(reason: R): { admitted: false; reason: R } => ({ admitted: false, reason });

  if (has((other) => other.what === 'entry' && other.entry.kind === 'boot_closed' && other.entry.boot === at.boot))
    return no('boot_closed');
  if (at.ts_ms > entry.until) return no('late');
  const replayed = has(
    (other) => other.what === 'entry' && 'jwt' in other.entry && other.entry.jwt !== undefined && other.entry.jwt === entry.jwt,
  );
  if (entry.kind === 'assertion') return replayed ? no('jwt_replayed') : { admitted: true };

  if (has((other) => other.what === 'entry' && other.entry.kind === 'closing' && other.entry.attempt === entry.id)) return no('given_up');
  const limit = Math.floor(at.ts_ms / 1000) - LOOK_BACK_MS / 1000;
  const unread = before.some(
    ({ item: other }) => other.at.partition === at.partition && other.at.seq > entry.checked && Math.floor(other.at.ts_ms / 1000) < limit,
  );
  if (unread) return no('stale');
  for (const effect of ['revoked', 'ended'] as const) {
    for (const target of targets(entry)) {
      const fences = before.flatMap(({ item: other }) =>
        other.what === 'fence' && other.effect === effect && other.targets.includes(target) ? [other.at.seq] : [],
      );
      const fence_seq = Math.max(0, ...fences);
      if (fence_seq > entry.checked) return { admitted: false, reason: effect, target, fence_seq };
    }
  }
  if (replayed) return no('jwt_replayed');
  return verdictByHistory(entry, past);
}

function targets(entry: AttemptEntry): Hash[] {
  const own = [entry.operator, entry.session, entry.jti, ...entry.missions, entry.connection, entry.grant];
  return [...own, ...(entry.caller === undefined ? [] : [entry.caller]), ...entry.chain.flatMap(({ line, agent }) => [line, agent])];
}

function verdictByHistory(entry: AttemptEntry, admitted: readonly Past[]): Verdict {
  const own = admitted.filter((one) => one.entry.missions[0] === entry.missions[0]);
  const { operation, approval } = entry;
  const first = operation && own.find((one) => one.state !== null && one.entry.operation?.id === operation.id);
  if (first?.state && first.entry.operation)
    return { admitted: false, reason: 'operation', operation: { digest: first.entry.operation.digest, state: first.state } };
  if (approval !== undefined && own.some((one) => one.entry.approval === approval)) return { admitted: false, reason: 'approval' };
  const over: ('max_actions' | 'max_actions_per_service')[] = [];
  for (const cap of entry.caps) {
    const used = usedOf(admitted, entry.missions[cap.mission] ?? '', cap.kind, entry.service);
    if (used < cap.limit) continue;
    const name = cap.kind === 'actions' ? 'max_actions' : 'max_actions_per_service';
    if (cap.behaviour === 'deny') return { admitted: false, reason: 'cap', cap: name, limit: cap.limit, used };
    if (!over.includes(name)) over.push(name);
  }
  return over.length === 0 ? { admitted: true } : { admitted: true, over_caps: over };
}

function usedOf(admitted: readonly Past[], mission: Hash, kind: AttemptEntry['caps'][number]['kind'], service: Hash): number {
  return admitted.filter(
    ({ entry, state }) =>
      state !== null &&
      (kind === 'actions' || entry.service === service) &&
      entry.caps.some((cap) => cap.kind === kind && entry.missions[cap.mission] === mission),
  ).length;
}

/** What audit says of a family after the first `length` items. */
export function referenceTable(log: readonly LogItem[], verdicts: readonly (Verdict | null)[], length: number, family: Hash): MissionTable {
  const past: Past[] = [];
  for (const [index, item] of log.slice(0, length).entries()) remember(past, item, verdicts[index] ?? null);
  const admitted = past.filter(({ entry }) => entry.missions.at(-1) === family);
  const table: MissionTable = { operations: [], approvals: [], counts: [], open: [] };
  const counted = new Map<string, MissionTable['counts'][number]>();
  for (const { entry, state } of admitted) {
    const [mission = ''] = entry.missions;
    const { operation, approval } = entry;
    if (operation && state !== null) table.operations.push({ mission, ...operation, state });
    if (approval !== undefined) table.approvals.push({ mission, id: approval });
    const counts = entry.caps.map((cap) => ({
      mission: entry.missions[cap.mission] ?? '',
      kind: cap.kind,
      service: cap.kind === 'actions' ? null : entry.service,
    }));
    for (const key of state === null ? [] : counts) {
      const name = JSON.stringify(key);
      counted.set(name, { ...key, used: (counted.get(name)?.used ?? 0) + 1 });
    }
    if (state === 'running') table.open.push({ attempt: entry.id, mission, operation: operation ?? null, counts });
  }
  table.counts.push(...counted.values());
  return table;
}
